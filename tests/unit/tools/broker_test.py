# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/run's broker against a machine that behaves as told."""

import hashlib
import os
import pty
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class BrokerTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        self.program = self.path("app.wasm", b"\0asm\1\0\0\0")

    def path(self, name, content):
        path = os.path.join(self.work.name, name)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def start(self, guest, *words, variables=(), **streams):
        environment = dict(os.environ, QUOLL_PREBUILT="1", QUOLL_BUILD_DIR=self.work.name)
        environment.update(variables)
        environment["QUOLL_QEMU"] = os.path.join(HERE, "fake_machine.py")
        environment["FAKE_GUEST"] = guest
        settings = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        settings.update(streams)
        command = [os.path.join(ROOT, "tools/run"), *words]
        return subprocess.Popen(command, env=environment, **settings)

    def run_guest(self, guest, *words, input=None):
        streams = {} if input is None else {"stdin": subprocess.PIPE}
        process = self.start(guest, *words, **streams)
        out, err = process.communicate(input, timeout=60)
        return process.returncode, out, err

    def test_streams_arrive_unmixed_and_the_status_is_the_guests(self):
        status, out, err = self.run_guest("speak", self.program)
        self.assertEqual(status, 7)
        self.assertEqual(out, b"out\0\xff")
        self.assertEqual(sorted(err), sorted(b"err[warn] log\n"))

    def test_the_console_goes_to_a_file_and_is_shown_on_request(self):
        self.run_guest("speak", self.program)
        with open(os.path.join(self.work.name, "console.log"), "rb") as log:
            self.assertEqual(log.read(), b"OpenSBI\n")
        _, out, err = self.run_guest("speak", "--console", self.program)
        self.assertIn(b"OpenSBI\n", err)
        self.assertEqual(out, b"out\0\xff")

    def test_a_megabyte_of_random_bytes_comes_back(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", file=sys.stderr)
        data = random.Random(seed).randbytes(1 << 20)
        status, out, _ = self.run_guest("cat", self.program, input=data)
        self.assertEqual(status, 0)
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())

    def test_a_slow_reader_loses_nothing(self):
        data = random.Random(1).randbytes(1 << 20)
        source = open(self.path("data", data), "rb")
        self.addCleanup(source.close)
        process = self.start("cat", self.program, stdin=source)
        received = b""
        while chunk := process.stdout.read1(4096):
            received += chunk
            if len(received) < 40960:
                time.sleep(0.01)
        self.assertEqual(process.wait(timeout=60), 0)
        process.stderr.close()
        process.stdout.close()
        self.assertEqual(received, data)

    def test_a_guest_learns_that_nobody_reads(self):
        process = self.start("yes", self.program)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60), 3)
        process.stderr.close()

    def test_a_guest_that_writes_on_regardless_is_ended(self):
        process = self.start("stubborn", self.program)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60), 141)
        process.stderr.close()

    def interrupted(self, guest, times, variables=()):
        process = self.start(guest, self.program, variables=variables)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        status = process.wait(timeout=60)
        process.stdout.close()
        process.stderr.close()
        return status

    def test_ctrl_c_is_the_interrupt_key(self):
        self.assertEqual(self.interrupted("loop", 1), 130)

    def test_ctrl_c_ends_a_machine_that_does_not_react(self):
        self.assertEqual(self.interrupted("deaf", 1), 130)

    def test_a_second_ctrl_c_does_not_wait(self):
        # Were it not for the second one, the machine would end by itself, and say otherwise.
        never = {"QUOLL_PATIENCE_S": "3600"}
        self.assertEqual(self.interrupted("deaf", 2, never), 130)

    def test_ctrl_c_ends_program_after_program_at_a_prompt(self):
        # Each is answered before the next one comes.
        never = {"QUOLL_PATIENCE_S": "3600"}
        process = self.start("prompt", variables=never)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        for i in range(4):
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.readline(), f"interrupted {i}\n".encode())
        self.assertEqual(process.wait(timeout=60), 9)
        process.stdout.close()
        process.stderr.close()

    def test_a_second_ctrl_c_ends_a_prompt_that_does_not_answer(self):
        never = {"QUOLL_PATIENCE_S": "3600"}
        process = self.start("deaf", variables=never)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        process.stdout.close()
        process.stderr.close()

    def test_a_kernel_that_stops_shows_its_console(self):
        status, _, err = self.run_guest("stop", self.program)
        self.assertEqual(status, 125)
        self.assertIn(b"panic: all is lost", err)

    def test_a_machine_that_is_killed_shows_its_console(self):
        status, _, err = self.run_guest("die", self.program)
        self.assertEqual(status, 125)
        self.assertIn(b"last words", err)

    def test_a_machine_that_never_came_up_says_why(self):
        status, _, err = self.run_guest("refuse", self.program)
        self.assertEqual(status, 125)
        self.assertIn(b"cannot set up guest memory", err)

    def test_a_missing_program_is_said_in_one_line_with_usage(self):
        status, out, err = self.run_guest("cat", "nowhere.wasm")
        self.assertEqual(status, 127)
        self.assertEqual(out, b"")
        self.assertTrue(err.startswith(b"quoll: no such program: 'nowhere.wasm'\nusage: "))

    def test_bad_options_are_said_in_one_line_with_usage(self):
        for words, message in (
            (["--frob"], b"unknown option '--frob'"),
            (["-x", self.program], b"unknown option '-x'"),
            (["--smp"], b"--smp needs a value"),
            (["--smp", "0"], b"--smp: '0' is not a number of harts"),
            (["--memory", "big"], b"--memory: 'big' is not a size"),
            (["--dir", "/nowhere"], b"--dir: no directory '/nowhere'"),
            (["--env", "X"], b"--env: 'X' is not NAME=VALUE"),
        ):
            with self.subTest(words=words):
                status, _, err = self.run_guest("cat", *words)
                self.assertEqual(status, 2)
                self.assertTrue(err.startswith(b"quoll: " + message), err)
                self.assertEqual(err.count(b"quoll: "), 1)
                self.assertIn(b"\nusage: tools/run", err)

    def test_no_machine_outlives_a_run_that_was_killed(self):
        process = self.start("tell_pid", self.program)
        machine = int(process.stdout.readline())
        process.kill()
        process.communicate()

        def lives():
            try:
                with open(f"/proc/{machine}/stat", encoding="ascii") as text:
                    return text.read().rpartition(")")[2].split()[0] != "Z"
            except FileNotFoundError:
                return False

        deadline = time.monotonic() + 60
        while lives() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(lives())

    def test_options_reach_the_machine_and_end_at_the_program(self):
        words = ["--smp", "8", "--memory=4G", "--append", "a=1", "--append", "b=2"]
        status, out, _ = self.run_guest("arguments", *words, self.program, "--smp", "9")
        self.assertEqual(status, 0)
        lines = out.decode().split("\n")
        self.assertEqual(lines[lines.index("-smp") + 1], "8")
        self.assertEqual(lines[lines.index("-m") + 1], "4G")
        self.assertEqual(lines[lines.index("-append") + 1], "a=1 b=2")
        self.assertEqual(lines.count("-smp"), 1)

    def bootargs_on_a_terminal(self, *words, **variables):
        """The bootargs of a run whose stderr is a terminal."""
        own, terminal = pty.openpty()
        try:
            process = self.start(
                "arguments", *words, self.program, stderr=terminal, variables=variables
            )
            out, _ = process.communicate(timeout=60)
        finally:
            os.close(own)
            os.close(terminal)
        lines = out.decode().split("\n")
        return lines[lines.index("-append") + 1] if "-append" in lines else ""

    def test_the_log_has_colours_on_a_terminal_that_wants_them(self):
        terminal = {"TERM": "xterm", "NO_COLOR": ""}
        self.assertEqual(self.bootargs_on_a_terminal(**terminal), "log.colour=port")
        self.assertEqual(self.bootargs_on_a_terminal("--console", **terminal), "log.colour=on")
        words = ["--append", "log.colour=off"]
        said = self.bootargs_on_a_terminal(*words, **terminal)
        self.assertEqual(said.split()[-1], "log.colour=off", "what the user says comes last")
        self.assertEqual(self.bootargs_on_a_terminal(TERM="xterm", NO_COLOR="1"), "")
        self.assertEqual(self.bootargs_on_a_terminal(TERM="dumb", NO_COLOR=""), "")

    def test_the_archive_describes_the_run(self):
        folder = os.path.join(self.work.name, "d")
        os.mkdir(folder)
        with open(os.path.join(folder, "f"), "wb") as out:
            out.write(b"content")
        words = ["--dir", f"{folder}::/data", "--env", "A=b c", self.program, "x", "", "--dir"]
        _, out, _ = self.run_guest("archive", *words)
        records = [b"program=bin/app.wasm", b"arg=" + self.program.encode(), b"arg=x", b"arg="]
        records += [b"arg=--dir", b"env=A=b c", b"dir=dirs/0::/data"]
        self.assertIn(b"".join(record + b"\0" for record in records), out)


if __name__ == "__main__":
    unittest.main()
