# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The prompt: a machine without a program, driven through its standard input."""

import os
import subprocess

import support
from support import Run, guest, run


class Prompt(support.SystemTest):
    def session(self, *lines):
        outcome = run(stdin="".join(line + "\n" for line in lines).encode())
        self.assertEqual(outcome.status, 0, str(outcome))
        return outcome

    def test_help_names_the_commands(self):
        out = self.session("help", "shutdown").out.decode()
        for command in ("help", "run", "ls", "version", "shutdown"):
            self.assertIn(command, out)

    def test_version_says_who_this_is(self):
        self.assertIn(b"Quoll", self.session("version", "shutdown").out)

    def test_ls_shows_the_demonstrations(self):
        out = self.session("ls", "shutdown").out.decode()
        for name in ("hello", "cat", "primes", "mandelbrot"):
            self.assertIn(name, out)

    def test_run_passes_arguments(self):
        out = self.session("run hello.wasm Ada 'two words'", "shutdown").out
        self.assertIn(b"Hello, Ada.\nHello, two words.\n", out)

    def test_programs_run_one_after_another(self):
        out = self.session(*["run hello.wasm x"] * 20, "shutdown").out
        self.assertEqual(out.count(b"Hello, x.\n"), 20)

    def test_mistakes_are_answered_and_the_prompt_goes_on(self):
        session = self.session("frobnicate", "run", "run nowhere.wasm", "run 'open", "helpful",
                               "run hello.wasm still", "shutdown")
        self.assertIn(b"Hello, still.\n", session.out)
        said = session.out + session.err
        for word in (b"frobnicate", b"nowhere", b"helpful"):
            self.assertIn(word, said)

    def test_the_end_of_the_input_shuts_down(self):
        outcome = run(stdin=b"run hello.wasm Eve\n")
        self.assertEqual(outcome.status, 0, str(outcome))
        self.assertIn(b"Hello, Eve.\n", outcome.out)

    def test_ctrl_c_ends_the_program_and_the_prompt_returns(self):
        running = Run(stdin=subprocess.PIPE)
        running.process.stdin.write(b"run life.wasm 100000\n")
        running.process.stdin.flush()
        running.read_until(b"generation 2\n")
        running.interrupt()
        running.process.stdin.write(b"run hello.wasm again\n")
        running.process.stdin.flush()
        running.read_until(b"Hello, again.\n")
        self.assertEqual(running.finish(b"shutdown\n").status, 0)

    def test_programs_that_take_all_memory_leave_the_prompt_its_own(self):
        programs = os.path.dirname(guest("hold_memory"))
        hold = b"run dirs/0/hold_memory.wasm &\n"
        loop = b"run dirs/0/loop.wasm &\n"
        for smp in ("1", "4"):
            running = Run("--memory", "64M", "--smp", smp, "--dir", programs,
                          stdin=subprocess.PIPE)
            # All are promised most of the memory at once, and more is promised than there is.
            for line in [hold] * 6 + [loop] * 20:
                running.process.stdin.write(line + b"version\n")
                running.process.stdin.flush()
                running.read_until(b"RISC-V\n")
            running.process.stdin.write(b"ls dirs/0\nps\nhelp\nmem\nshutdown 7\n")
            running.process.stdin.flush()
            outcome = running.finish()
            self.assertEqual(outcome.status, 7, str(outcome))
            for word in (b"loop.wasm", b"Lists the running programs", b"kernel heap"):
                self.assertIn(word, outcome.out, str(outcome))

    def test_a_program_that_writes_on_does_not_keep_the_machine(self):
        programs = os.path.dirname(guest("write_on"))
        running = Run("--dir", programs, stdin=subprocess.PIPE)
        running.process.stdin.write(b"run dirs/0/write_on.wasm &\nshutdown 4\n")
        running.process.stdin.flush()
        self.assertEqual(running.finish().status, 4)


if __name__ == "__main__":
    support.main()
