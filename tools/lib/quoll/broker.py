# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connects a running machine with the streams and signals of this process."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

from . import status
from .pumps import InputPump, OutputPump, write_all

INTERRUPT_KEY = b"\x03"
# How long a guest may take to end: after Ctrl-C, and after its stdout was closed by the reader.
# On a machine that is slower than most the environment may say otherwise.
PATIENCE_S = float(os.environ.get("QUOLL_PATIENCE_S", "2"))


class Console:
    """The UART's output: kept in a file, and shown while it comes if asked for."""

    def __init__(self, path, live):
        self._file = open(path, "wb", buffering=0)
        self._path = path
        self._live = live

    def write(self, data):
        """Takes what the UART sent."""
        self._file.write(data)
        if self._live:
            write_all(2, data)

    def explain(self):
        """Shows everything on stderr, for a machine that stopped by itself."""
        if not self._live:
            with open(self._path, "rb") as content:
                write_all(2, content.read())


class Broker:
    """Runs one machine to its end. `interactive`: there is a prompt that outlives programs.
    `sinks` takes what comes out of further ports, by their names."""

    def __init__(self, machine, console, interactive, sinks=None):
        self._machine = machine
        self._console = console
        self._interactive = interactive
        self._sinks = sinks or {}
        self._events = queue.SimpleQueue()
        self._forced_status = None
        self._last_interrupt = None
        self._heard = 0
        self._stdout = None
        self._deadline = None

    def run(self):
        """Returns the status to exit with."""
        ports = self._machine.ports
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _frame: self._events.put(("signal", n)))
        # A terminal that belongs to somebody else is an end of file, not a reason to stop.
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        uart = OutputPump(self._machine.uart, self._console.write)
        self._stdout = OutputPump(
            ports["stdout"],
            lambda data: write_all(1, data),
            lambda: self._events.put(("stdout closed", None)),
        )
        outputs = [
            uart,
            self._stdout,
            OutputPump(ports["stderr"], lambda data: write_all(2, data)),
            OutputPump(ports["log"], lambda data: write_all(2, data)),
        ]
        outputs += [OutputPump(ports[name], sink) for name, sink in self._sinks.items()]
        for pump in outputs:
            pump.start()
        InputPump(0, ports["stdin"]).start()
        threading.Thread(target=self._wait_for_machine, daemon=True).start()
        code = self._supervise()
        for pump in outputs:
            pump.join()
        return self._judge(code, came_up=uart.received > 0)

    def _wait_for_machine(self):
        self._events.put(("ended", self._machine.process.wait()))

    def _supervise(self):
        while True:
            event, value = self._next_event()
            if event == "ended":
                return value
            if event == "signal" and value == signal.SIGINT:
                self._interrupt()
            elif event == "signal":
                self._kill(128 + value)
            elif event == "stdout closed":
                # The guest has been told; one that goes on regardless is ended, as SIGPIPE would.
                self._deadline = (time.monotonic() + PATIENCE_S, status.BROKEN_PIPE)
            elif event == "timeout":
                self._kill(self._deadline[1])
                self._deadline = None

    def _next_event(self):
        # Never an unbounded wait: Python runs signal handlers only between calls.
        while True:
            wait = 0.5
            if self._deadline is not None:
                wait = min(wait, self._deadline[0] - time.monotonic())
                if wait <= 0:
                    return ("timeout", None)
            try:
                return self._events.get(timeout=wait)
            except queue.Empty:
                continue

    def _interrupt(self):
        now = time.monotonic()
        again = self._last_interrupt is not None and now - self._last_interrupt < PATIENCE_S
        # A prompt has said what it made of the last one: this one is for the next program.
        answered = self._interactive and self._stdout.received != self._heard
        self._last_interrupt, self._heard = now, self._stdout.received
        if again and not answered:
            self._kill(status.INTERRUPTED)
            return
        try:
            self._machine.uart.send(INTERRUPT_KEY)
        except OSError:
            pass  # The machine is just ending.
        if not self._interactive:
            self._deadline = (now + PATIENCE_S, status.INTERRUPTED)

    def _kill(self, exit_status):
        self._forced_status = exit_status
        self._machine.process.kill()

    def _judge(self, code, came_up):
        if self._forced_status is not None:
            return self._forced_status
        if code < 0:
            self._console.explain()
            sys.stderr.write(f"quoll: QEMU was ended by signal {-code}\n")
            return status.KERNEL_STOPPED
        if not came_up and code != 0:
            write_all(2, self._machine.errors())
            sys.stderr.write("quoll: the machine did not start\n")
            return status.KERNEL_STOPPED
        if code == status.KERNEL_STOPPED:
            self._console.explain()
        return code
