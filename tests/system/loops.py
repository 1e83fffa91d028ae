# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs that loop for ever beside one that somebody talks to, at the prompt."""

import os
import re
import subprocess

import support
from support import Run, guest

LOOPS = 16
ANSWERS = 5
# Seconds of the host's processors in which each loop must have had a turn. A turn is a hundredth
# of a second, and all of them have one in well under a second.
PATIENCE_S = 200
PROGRAM = "dirs/0/loop.wasm"


class Session:
    """A prompt that is typed at, line by line."""

    def __init__(self, harts):
        # Ctrl-C twice is no wish to be rid of the machine here.
        os.environ["QUOLL_PATIENCE_S"] = "0"
        self.run = Run("--smp", str(harts), "--dir", os.path.dirname(guest("loop")),
                       stdin=subprocess.PIPE)
        self.run.read_until(b"quoll> ")

    def type(self, line):
        """What somebody types, up to the return key."""
        self.run.process.stdin.write(line.encode() + b"\n")
        self.run.process.stdin.flush()

    def ask(self, line):
        """The answer to a command, up to the next prompt."""
        self.type(line)
        return self.run.read_until(b"quoll> ").decode().removesuffix("quoll> ")

    def interrupt(self):
        """Presses Ctrl-C; what is said up to the next prompt. Pressed again as long as there is
        no answer: what was typed may not have been read yet."""
        self.run.interrupt()
        return self.run.read_until(b"quoll> ", meanwhile=self.run.interrupt).decode()

    def start_loops(self):
        """Starts them all in the background; their numbers."""
        numbers = []
        for _ in range(LOOPS):
            self.type(f"run {PROGRAM} &")
            said = self.run.read_until(b"looping\n").decode()
            if "quoll> " not in said:
                said += self.run.read_until(b"quoll> ").decode()
            numbers.append(int(re.search(rf"^\[(\d+)\] {PROGRAM}$", said, re.MULTILINE).group(1)))
        return numbers

    def run_times(self):
        """Each running program's time on harts, in milliseconds, by its number."""
        head, *lines = self.ask("ps").splitlines()
        assert head.split() == ["NUMBER", "SECONDS", "HART", "MEMORIES", "NAME"], head
        times = {}
        for line in lines:
            number, seconds, _hart, _memories, name = line.split(maxsplit=4)
            assert name == PROGRAM, line
            times[int(number)] = round(float(seconds) * 1000)
        return times

    def memory(self):
        """What is free and what the kernel's heap has, together; what of the heap is in use; in
        KiB. How many frames the heap's objects lie in depends on who allocated when."""
        said = self.ask("mem")
        found = re.search(r"^free (\d+) KiB, kernel heap (\d+) of (\d+) KiB$", said, re.MULTILINE)
        free, heap_used, heap = map(int, found.groups())
        return free + heap, heap_used


class Loops(support.SystemTest):
    def all_go_on(self, session, numbers):
        """Each of them has run since; it has not to be at once."""
        before = session.run_times()
        self.assertEqual(sorted(before), sorted(numbers))
        begun = session.run.processor_seconds()
        while True:
            now = session.run_times()
            for number in numbers:
                self.assertGreaterEqual(now[number], before[number])
            if all(now[number] > before[number] for number in numbers):
                return
            self.assertLess(session.run.processor_seconds() - begun, PATIENCE_S,
                            f"{before}\n{now}")

    def talk(self, session, numbers):
        """A program that repeats what is typed, and nothing else in between."""
        session.type("run cat.wasm")
        for i in range(ANSWERS):
            session.type(f"question {i}")
            said = session.run.read_until(f"question {i}\n".encode()).decode()
            self.assertNotIn("quoll>", said)
        said = session.interrupt()
        self.assertIn("cat.wasm: interrupted (status 130)\n", said)
        # The key has ended what was in the foreground, and nothing else.
        self.assertEqual(sorted(session.run_times()), sorted(numbers))

    def end_each(self, session, numbers):
        """Half of them by the interrupt key, the others by `kill`; oldest and youngest in turn."""
        left = list(numbers)
        while left:
            number = left.pop(0 if len(left) % 2 else -1)
            if len(left) % 4 < 2:
                session.type(f"wait {number}")
                said = session.interrupt()
            else:
                said = session.ask(f"kill {number}")
            self.assertIn(f"[{number}] {PROGRAM}: interrupted (status 130)\n", said)
            self.assertEqual(sorted(session.run_times()), sorted(left))
            self.assertIn(f"kill: no program '{number}' in the background\n",
                          session.ask(f"kill {number}"))

    def beside_loops(self, harts):
        session = Session(harts)
        memory = None
        # What is made once for all is there after the first round.
        for _ in range(2):
            numbers = session.start_loops()
            self.all_go_on(session, numbers)
            self.talk(session, numbers)
            self.all_go_on(session, numbers)
            self.end_each(session, numbers)
            memory = memory or session.memory()
        # The last one's task counts itself out a moment after its end was told.
        begun = session.run.processor_seconds()
        while (now := session.memory()) != memory:
            self.assertLess(session.run.processor_seconds() - begun, PATIENCE_S, f"{memory} {now}")
        session.type("shutdown 5")
        self.assertEqual(session.run.finish().status, 5)

    def test_on_one_hart(self):
        self.beside_loops(1)

    def test_on_two_harts(self):
        self.beside_loops(2)


if __name__ == "__main__":
    support.main()
