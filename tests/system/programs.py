# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our own programs: what a program sees of the system, and how it ends."""

import os
import re
import tempfile

import support
from support import guest, run


class Programs(support.SystemTest):
    def test_status_and_both_streams_are_the_programs_own(self):
        for status in (0, 1, 3, 77, 125, 255):
            with self.subTest(status=status):
                outcome = run(guest("exit_with"), str(status))
                self.assertEqual(outcome.status, status, str(outcome))
                self.assertEqual(outcome.out, b"to stdout\n")
                self.assertIn(b"to stderr\n", outcome.err)

    def test_a_quiet_run_adds_nothing_to_stderr(self):
        self.expect(run(guest("exit_with"), "3"), 3, b"to stdout\n", b"to stderr\n")

    def test_a_status_counts_modulo_256(self):
        self.expect(run(guest("exit_with"), "259"), 3)

    def test_every_byte_arrives_on_both_streams(self):
        block = bytes(range(256))
        outcome = run(guest("every_byte"))
        self.expect(outcome, 0, block * 64, bytes(255 - byte for byte in block) * 64)

    def test_arguments_and_environment_arrive_as_given(self):
        words = ["", "a b", "--smp", "=", "ä\n", "x" * 1000]
        outcome = run("--env", "K=V", "--env", "E=", "--env", "M=a=b c", guest("show_start"), *words)
        wanted = "".join(f"[{word}]\n" for word in words) + "{K=V}\n{E=}\n{M=a=b c}\n"
        self.expect(outcome, len(words) + 1, wanted.encode())

    def test_a_directory_is_walked_and_its_files_are_read(self):
        with tempfile.TemporaryDirectory() as work:
            os.makedirs(os.path.join(work, "sub/deep"))
            files = {"a": b"", "b.txt": b"four", "sub/deep/c": b"z" * 70000, "sub/m": b"\0\xff"}
            for name, content in files.items():
                with open(os.path.join(work, name), "wb") as out:
                    out.write(content)
            outcome = run("--dir", work + "::/w", guest("list"), "/w")
            wanted = b"/w/a 0\n/w/b.txt 4\n/w/sub/\n/w/sub/deep/\n/w/sub/deep/c 70000\n/w/sub/m 2\n"
            self.expect(outcome, 0, wanted)
            for name, content in files.items():
                outcome = run("--dir", work + "::/w", guest("cat"), "/w/" + name)
                self.expect(outcome, 0, content)
            outcome = run("--dir", work, guest("cat"), work + "/b.txt")
            self.expect(outcome, 0, b"four")

    def test_two_directories_keep_apart(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            for folder, content in ((one, b"first"), (two, b"second")):
                with open(os.path.join(folder, "f"), "wb") as out:
                    out.write(content)
            words = ["--dir", one + "::/one", "--dir", two + "::/two"]
            outcome = run(*words, guest("cat"), "/two/f", "/one/f")
            self.expect(outcome, 0, b"secondfirst")

    def test_a_file_is_read_in_parts_and_nothing_leads_out(self):
        with tempfile.TemporaryDirectory() as work:
            with open(os.path.join(work, "f"), "wb") as out:
                out.write(bytes(range(97, 123)) * 1000)
            outcome = run("--dir", work + "::/w", guest("read_parts"), "/w/f")
        wanted = b"size 26000\ntell 26000\nsame 1\nend 0\nwrite -1 refused\n"
        self.expect(outcome, 0, wanted + b"outside refused\nmissing refused\n")

    def test_a_program_without_directories_sees_no_files(self):
        self.assertEqual(run(guest("cat"), "/quoll/run").status, 1)

    def test_sleep_lasts_at_least_as_long_as_asked(self):
        self.expect(run(guest("sleep"), "50"), 0, b"slept enough\n")

    def test_random_bytes_differ_from_run_to_run(self):
        first, second = run(guest("random")), run(guest("random"))
        self.assertRegex(first.out.decode(), r"^[0-9a-f]{32}\n$")
        self.assertNotEqual(first.out, second.out)

    def test_a_call_that_is_not_offered_answers_enosys(self):
        self.expect(run(guest("unsupported_call")), 52)

    def test_an_unknown_import_links_and_traps_with_its_name(self):
        outcome = run(guest("unknown_import"))
        self.assertEqual(outcome.status, 134, str(outcome))
        self.assertIn(b"nobody_knows_this", outcome.err)

    def test_demonstrations_run(self):
        self.expect(run(guest("hello"), "Ada", "Alan"), 0, b"Hello, Ada.\nHello, Alan.\n")
        outcome = run(guest("primes"), "30")
        self.expect(outcome, 0, b"2 3 5 7 11 13 17 19 23 29\n\n10 primes below 30\n")
        outcome = run(guest("mandelbrot"), "40", "10")
        self.assertEqual(outcome.status, 0, str(outcome))
        self.assertTrue(re.fullmatch(rb"(?:.{40}\n){10}", outcome.out), str(outcome))


if __name__ == "__main__":
    support.main()
