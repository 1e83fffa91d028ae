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

    def table(self, out, first):
        """The lines of the table whose first column is `first`, by column; what more a line has
        stands under the last."""
        answers = out.decode().split("quoll> ")
        head, *rows = next(a for a in answers if a.startswith(first + " ")).splitlines()
        names = head.split()
        return [dict(zip(names, row.split(maxsplit=len(names) - 1))) for row in rows if row]

    def test_harts_are_listed_with_what_they_have_done(self):
        # Loops spread over the harts, which wake each other for them.
        programs = os.path.dirname(guest("loop"))
        loops = b"run dirs/0/loop.wasm &\n" * 3
        typed = loops + b"run hello.wasm x\nkill 1 2 3\nharts\n"
        outcome = run("--smp", "3", "--dir", programs, stdin=typed)
        self.assertEqual(outcome.status, 0, str(outcome))
        harts = self.table(outcome.out, "HART")
        self.assertEqual([row["HART"] for row in harts], ["0", "1", "2"])
        self.assertEqual(sorted(row["HARDWARE"] for row in harts), ["0", "1", "2"])
        # One cluster, as this machine's device tree says, and a core for each.
        self.assertEqual({row["CLUSTER"] for row in harts}, {"0"})
        self.assertEqual(sorted(row["CORE"] for row in harts), ["0", "1", "2"])
        for name in ("TASKS", "PARKS", "TIMER", "DEVICES", "HARTS", "WAKES"):
            self.assertGreater(sum(int(row[name]) for row in harts), 0, name)
        for row in harts:
            # Of those that others sent each had a reason, and perhaps more.
            reasons = sum(int(row[name]) for name in ("WAKES", "KICKS", "WATCH"))
            self.assertGreaterEqual(reasons, int(row["HARTS"]))

    def test_interrupt_sources_are_listed_with_their_harts(self):
        outcome = run("--smp", "2", stdin=b"run hello.wasm x\nirqs\nirqs\n")
        self.assertEqual(outcome.status, 0, str(outcome))
        sources = self.table(outcome.out, "SOURCE")
        # The UART, and the port through which this was typed.
        self.assertGreaterEqual(len(sources), 2)
        self.assertTrue(any(int(row["COUNT"]) > 0 for row in sources))
        for row in sources:
            self.assertIn(row["HART"], ("0", "1"))
            self.assertEqual((row["PRIORITY"], row["STRAYS"]), ("1", "0"))
            pairs = [pair.split(":") for pair in row.get("HART:COUNT", "").split()]
            self.assertEqual(sum(int(count) for _, count in pairs), int(row["COUNT"]))

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
