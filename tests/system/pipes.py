# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs as filters: what goes in comes out, and every kind of end is noticed."""

import hashlib
import random
import subprocess
import sys
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

    def test_a_writer_learns_that_nobody_reads(self):
        running = Run(guest("write_on"))
        running.process.stdout.read(10)
        running.process.stdout.close()
        self.assertEqual(running.process.wait(timeout=support.TIMEOUT_S), 5)
        self.assertEqual(running.process.stderr.read(), b"broken pipe\n")
        running.process.stderr.close()


if __name__ == "__main__":
    support.main()
