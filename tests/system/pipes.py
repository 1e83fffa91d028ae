# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs as filters: what goes in comes out, and every kind of end is noticed."""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time

import support
from support import Run, guest, run


class Pipes(support.SystemTest):
    def test_a_line_comes_back(self):
        self.expect(run(guest("cat"), stdin=b"hello\n"), 0, b"hello\n", b"")

    def test_nothing_comes_back_as_nothing(self):
        self.expect(run(guest("cat"), stdin=b""), 0, b"", b"")

    def test_a_megabyte_of_random_bytes_comes_back(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        data = random.Random(seed).randbytes(1 << 20)
        outcome = run("--smp", "2", guest("cat"), stdin=data)
        self.assertEqual(outcome.status, 0, str(outcome))
        self.assertEqual(len(outcome.out), len(data))
        self.assertEqual(hashlib.sha256(outcome.out).digest(), hashlib.sha256(data).digest())

    def test_a_slow_reader_loses_nothing(self):
        data = random.Random(2).randbytes(1 << 18)
        with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdout.buffer.write("
                               "__import__('random').Random(2).randbytes(1 << 18))"],
                              stdout=subprocess.PIPE) as source:
            running = Run(guest("cat"), stdin=source.stdout)
            received = b""
            while len(received) < 1 << 16:
                received += running.process.stdout.read1(2048)
                time.sleep(0.005)
            outcome = running.finish()
        self.assertEqual(outcome.status, 0, str(outcome))
        self.assertTrue(received + outcome.out == data)

    def test_what_is_written_arrives_before_the_input_ends(self):
        running = Run(guest("cat"), stdin=subprocess.PIPE)
        running.process.stdin.write(b"first\n")
        running.process.stdin.flush()
        self.assertEqual(running.read_until(b"first\n"), b"first\n")
        self.expect(running.finish(b"second\n"), 0, b"second\n")

    def test_a_program_that_does_not_read_ends_all_the_same(self):
        running = Run(guest("hello"), stdin=subprocess.PIPE)
        outcome = running.process.wait(timeout=support.TIMEOUT_S)
        self.assertEqual(outcome, 0)
        running.finish()

    def test_what_was_written_last_waits_for_its_reader(self):
        """Pauses all along the stretch where the guest ends with bytes still in the machine.

        What the host's buffers take is what remains to be read then, somewhat below 200 KiB.
        """
        size = 1 << 20
        data = random.Random(3).randbytes(size)
        with tempfile.TemporaryFile() as source:
            source.write(data)
            source.seek(0)
            running = Run(guest("cat"), stdin=source, bufsize=0)
            received = b""
            for left in range(198 << 10, 170 << 10, -7 << 10):
                while len(received) < size - left:
                    received += os.read(running.process.stdout.fileno(),
                                        size - left - len(received))
                time.sleep(2)
            outcome = running.finish()
        self.assertEqual(len(received) + len(outcome.out), size)
        self.assertTrue(received + outcome.out == data)
        self.assertEqual(outcome.status, 0, str(outcome))

    def test_closed_descriptors_are_ends_and_nothing_else(self):
        for closed, name, status in (("<&-", "cat", 0), (">&-", "hello", None),
                                     ("2>&-", "hello", 0), ("<&- 2>&-", "cat", 0)):
            environment = dict(os.environ, QUOLL_PREBUILT="1", QUOLL_BUILD_DIR=support.BUILD)
            with tempfile.NamedTemporaryFile() as log:
                environment["QUOLL_CONSOLE_LOG"] = log.name
                done = subprocess.run(
                    ["sh", "-c", f'exec "$0" "$1" {closed}',
                     os.path.join(support.ROOT, "tools/run"), guest(name)],
                    env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    timeout=support.TIMEOUT_S)
            if status is not None:
                self.assertEqual(done.returncode, status, closed)

    def test_ctrl_c_ends_a_program_at_any_time(self):
        for delay in (0.0, 0.1, 0.2, 0.3, 0.5, 1.0):
            running = Run(guest("loop"))
            time.sleep(delay)
            running.interrupt()
            # Before our own handlers are installed the signal ends tools/run itself.
            self.assertIn(running.finish().status, (130, -2), delay)

    def test_a_writer_learns_that_nobody_reads(self):
        running = Run(guest("write_on"))
        running.process.stdout.read(10)
        running.process.stdout.close()
        self.assertEqual(running.process.wait(timeout=support.TIMEOUT_S), 5)
        self.assertEqual(running.process.stderr.read(), b"broken pipe\n")
        running.process.stderr.close()


if __name__ == "__main__":
    support.main()
