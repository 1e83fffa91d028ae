# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The host's side of tests/kernel/stream_test.cpp: `streams.py BUILD_DIRECTORY`."""

import os
import random
import socket
import sys
import threading
import time
import unittest

from quoll import machine

BUILD = sys.argv.pop(1)
SIZE = 1 << 20


class Streams(unittest.TestCase):
    """One machine for each test."""

    def start(self, test, smp=2):
        """A machine that runs one test; its console is drained into `self.console`."""
        command = machine.base_command(
            os.path.join(BUILD, "quoll-test.img"),
            smp=smp,
            memory="128M",
            bootargs=[f"tests=Streams.{test}"],
        )
        started = machine.Machine(command)
        self.console = bytearray()
        self.addCleanup(started.process.kill)
        threading.Thread(target=self.drain, args=(started.uart, self.console), daemon=True).start()
        threading.Thread(target=self.drain, args=(started.ports["log"],), daemon=True).start()
        return started

    @staticmethod
    def drain(source, into=None):
        """Reads to the end."""
        while data := source.recv(65536):
            if into is not None:
                into += data

    def passes(self, started):
        """The machine ends by itself, and says that all is well."""
        status = started.process.wait(timeout=120)
        self.assertEqual(status, 0, self.console.decode(errors="replace"))

    def test_bytes_come_back_until_the_end_of_file(self):
        """1 MiB in pieces of all sizes, to a reader that starts late and pauses."""
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        sent = chance.randbytes(SIZE)
        for smp in (1, 4):
            started = self.start("EchoUntilEndOfFile", smp)

            def send(port=started.ports["stdin"]):
                at = 0
                while at < SIZE:
                    size = chance.choice((1, 2, 511, 512, 513, 4096, 50000))
                    port.sendall(sent[at : at + size])
                    at += size
                port.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            time.sleep(1)
            got = bytearray()
            port = started.ports["stdout"]
            port.settimeout(60)
            while len(got) < SIZE:
                data = port.recv(chance.choice((1, 100, 65536)))
                self.assertTrue(data, self.console.decode(errors="replace"))
                got += data
                if chance.randrange(200) == 0:
                    time.sleep(0.01)
            self.assertEqual(bytes(got), sent)
            sender.join(timeout=10)
            self.passes(started)

    def test_a_reader_that_goes_away_is_seen(self):
        """Standard error is closed before the kernel looks."""
        started = self.start("AReaderThatWentAwayIsSeen")
        time.sleep(0.5)
        started.ports["stderr"].close()
        self.passes(started)

    def test_a_read_that_waits_can_be_cancelled(self):
        """Nothing is sent."""
        self.passes(self.start("AReadThatWaitsCanBeCancelled"))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
