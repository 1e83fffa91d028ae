# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The row of docs/panic.md that needs the machine as it is shipped: `Failures.PanicInProgramMode`.

Nothing in it panics by itself, so a debugger bends one call: where the program's system call writes
to its stream, an assertion fails instead.
"""

import os
import re
import socket
import struct
import subprocess
import sys
import time

import support
from support import BUILD, Run, guest

sys.path.insert(0, os.path.join(support.ROOT, "tools/lib"))
from quoll.machine import KERNEL_LOAD_BIAS  # noqa: E402

KERNEL_STOPPED = 125
PC, A0, A1, A2 = 32, 10, 11, 12
PATIENCE_S = 60


class Debugger:
    """QEMU's debugger port, as far as a bent call needs it."""

    def __init__(self, port):
        limit = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
                break
            except ConnectionRefusedError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.05)
        self._stream = self._socket.makefile("rb")
        # Single registers are for those who know their description.
        self.ask("qXfer:features:read:target.xml:0,fff")

    def ask(self, command):
        """Sends one packet; returns the answer's text."""
        checksum = sum(command.encode()) % 256
        self._socket.sendall(f"${command}#{checksum:02x}".encode())
        while True:
            while self._stream.read(1) != b"$":
                pass
            answer = b""
            while (byte := self._stream.read(1)) != b"#":
                answer += byte
            self._stream.read(2)
            self._socket.sendall(b"+")
            return answer.decode()

    def run_to(self, address):
        """Lets the machine run until it is about to execute the instruction there."""
        assert self.ask(f"Z1,{address:x},2") == "OK"
        stopped = self.ask("c")
        assert stopped.startswith("T05"), stopped
        assert self.ask(f"z1,{address:x},2") == "OK"

    def register(self, number):
        """The value of a register."""
        return struct.unpack("<Q", bytes.fromhex(self.ask(f"p{number:x}")))[0]

    def set_register(self, number, value):
        """Changes a register."""
        assert self.ask(f"P{number:x}={struct.pack('<Q', value).hex()}") == "OK"

    def write(self, address, content):
        """Changes memory."""
        assert self.ask(f"M{address:x},{len(content):x}:{content.hex()}") == "OK"

    def let_go(self):
        """The machine runs on by itself."""
        assert self.ask("D") == "OK"
        self._stream.close()
        self._socket.close()


def address_of(pattern):
    """The one function of the kernel whose name matches."""
    listing = subprocess.run(["llvm-nm-19", "-C", os.path.join(BUILD, "kernel.elf")],
                             capture_output=True, check=True)
    rows = re.findall(rf"^([0-9a-f]+) [tTwW] ({pattern})$", listing.stdout.decode(), re.MULTILINE)
    assert len(rows) == 1, (pattern, rows)
    return int(rows[0][0], 16) + KERNEL_LOAD_BIAS


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Failures(support.SystemTest):
    def test_PanicInProgramMode(self):
        port = free_port()
        os.environ["QUOLL_GDB_PORT"] = str(port)
        running = Run("--smp", "1", "--gdb", guest("hello"), "Ada")
        debugger = Debugger(port)
        debugger.run_to(address_of(r"quoll::guest::call_stream_write\([^)]*\)"))
        debugger.run_to(address_of(r"quoll::device::PolledStream::write\([^()]*\)"))
        # Returns by memory, so the second argument is the object and the third where the bytes are.
        # They become the assertion's text; it has no file.
        text = debugger.register(A2)
        debugger.write(text, b"in a stream\0")
        debugger.set_register(A0, text)
        debugger.set_register(A1, 0)
        debugger.set_register(PC, address_of(r"quoll::base::assertion_failed\([^()]*\)"))
        debugger.let_go()
        outcome = running.finish()
        self.expect(outcome, KERNEL_STOPPED, b"")
        console = outcome.console.decode(errors="replace")
        self.assertRegex(console, r"(?m)^PANIC on hart 0 in task \d+ \(guest\): "
                                  r"in a stream$")
        self.assertIn("quoll::guest::call_stream_write", console)
        self.assertNotIn("KERNEL PANIC", console)
        self.assertIn(b"hello", outcome.err)
        self.assertIn(b": killed by a kernel panic\n", outcome.err)


if __name__ == "__main__":
    support.main()
