# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How system tests run a machine: always through tools/run, with what the build made.

CTest tells the place of the build and of the shared test data in the environment. Exit status
77 says that a test was skipped, and why.
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))

# pylint: disable=wrong-import-position
from quoll.batch import HANG_S, SILENT_S, processor_seconds  # noqa: E402

BUILD = os.environ.get("QUOLL_BUILD_DIR", os.path.join(ROOT, "build/riscv64"))
SHARED = os.environ.get("QUOLL_SHARED_DIR", os.path.join(ROOT, "../shared"))
SKIPPED = 77
TIMEOUT_S = 240
POLL_S = 0.5


def guest(name):
    """A program of ours, wherever the build put it."""
    for folder in ("guests", "demos"):
        path = os.path.join(BUILD, folder, name + ".wasm")
        if os.path.exists(path):
            return path
    raise FileNotFoundError(name)


@dataclass
class Outcome:
    """What a run left: its status, both streams, and what the console said meanwhile."""

    status: int
    out: bytes
    err: bytes
    console: bytes

    def __str__(self):
        return (
            f"status {self.status}\nstdout: {self.out[-800:]!r}\nstderr: "
            f"{self.err[-2000:].decode(errors='replace')}\n"
            f"console: {self.console[-2000:].decode(errors='replace')}"
        )


class Run:
    """tools/run in the background."""

    def __init__(self, *words, **streams):
        self._unread = b""
        self._log = tempfile.NamedTemporaryFile(prefix="quoll-console-")
        environment = dict(os.environ, QUOLL_PREBUILT="1", QUOLL_BUILD_DIR=BUILD)
        environment["QUOLL_CONSOLE_LOG"] = self._log.name
        pipe = subprocess.PIPE
        settings = dict(stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        settings.update(streams)
        self.process = subprocess.Popen(
            [os.path.join(ROOT, "tools/run"), *words], env=environment, **settings
        )

    def finish(self, stdin=None):
        """Waits for the end; a machine that hangs is ended and shown."""
        hung = False
        try:
            out, err = self.process.communicate(stdin, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            hung = True
            self.process.send_signal(signal.SIGTERM)
            out, err = self.process.communicate()
        out = self._unread + (out or b"")
        outcome = Outcome(self.process.returncode, out, err or b"", self.console())
        self._log.close()
        if hung:
            raise AssertionError(f"no end after {TIMEOUT_S} s\n{outcome}")
        return outcome

    def processor_seconds(self):
        """What tools/run and its machine have used of the host's processors."""
        family, used = {self.process.pid}, 0.0
        # A child's number is above its parent's, until they begin anew.
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                if pid in family or parent in family:
                    family.add(pid)
                    used += processor_seconds(pid)
            except OSError:
                pass  # It has just ended.
        return used

    def interrupt(self):
        """What the terminal does on Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def console(self):
        """What the UART has sent so far."""
        with open(self._log.name, "rb") as log:
            return log.read()

    def _wait_for_output(self, meanwhile):
        """Until there is some, or its end; a machine that hangs is ended and shown."""
        begun, since = self.processor_seconds(), time.monotonic()
        while not select.select([self.process.stdout], [], [], POLL_S)[0]:
            meanwhile()
            used = self.processor_seconds() - begun
            if used > HANG_S or time.monotonic() - since > SILENT_S:
                self.process.send_signal(signal.SIGTERM)
                raise AssertionError(f"no output for {used} processor seconds\n{self.finish()}")

    def read_until(self, text, meanwhile=lambda: None):
        """Reads stdout up to the end of `text`, and returns it; what came behind it is kept.
        `meanwhile` is called now and then as long as nothing comes."""
        while text not in self._unread:
            self._wait_for_output(meanwhile)
            chunk = os.read(self.process.stdout.fileno(), 4096)
            if not chunk:
                raise AssertionError(f"stdout ended before {text!r}\n{self.finish()}")
            self._unread += chunk
        end = self._unread.index(text) + len(text)
        seen, self._unread = self._unread[:end], self._unread[end:]
        return seen


def run(*words, stdin=None):
    """Runs to the end; `stdin`: bytes, or None for an empty input."""
    streams = {} if stdin is None else {"stdin": subprocess.PIPE}
    return Run(*words, **streams).finish(stdin)


class SystemTest(unittest.TestCase):
    """Adds the one comparison that all of them need."""

    def expect(self, outcome, status=0, out=None, err=None):
        """Compares what is given, byte for byte; a failure shows the whole outcome."""
        self.assertEqual(outcome.status, status, str(outcome))
        if out is not None:
            self.assertEqual(outcome.out, out, str(outcome))
        if err is not None:
            self.assertEqual(outcome.err, err, str(outcome))


def main():
    """Runs the calling module's tests, showing each by name."""
    unittest.main(verbosity=2)


def skip(reason):
    """Ends the test as skipped."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)
