# SPDX-License-Identifier: Apache-2.0 OR MIT
"""gdb at a machine of `tools/run --gdb`: the commands and printers of tools/gdb/quoll.py."""

import os
import re
import socket
import subprocess
import sys
import time

import support
from support import BUILD, ROOT, Run, guest

sys.path.insert(0, os.path.join(ROOT, "tools/lib"))

# pylint: disable=wrong-import-position
from quoll import machine

GDB = "gdb-multiarch"
TRIES = 20
BIAS = machine.KERNEL_LOAD_BIAS

_PLACE = re.compile(r"^    (\S.*) at (\S+):([0-9]+)$", re.MULTILINE)
_REGION = re.compile(r"^    (0x[0-9a-f]+)-(0x[0-9a-f]+) +([rwxu-]+) (\w+)", re.MULTILINE)


def free_port():
    """A number that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Debugger(support.SystemTest):
    """Each attaches to a machine that has run for a while: a machine stops when gdb comes."""

    def setUp(self):
        self.port = free_port()
        os.environ["QUOLL_GDB_PORT"] = str(self.port)

    def start(self, *words, **streams):
        """A machine that goes once gdb has been there; it does not outlive the test."""
        started = Run("--gdb", *words, **streams)
        self.addCleanup(self.end, started.process)
        return started

    @staticmethod
    def end(process):
        """Ends what a failed test leaves behind."""
        if process.poll() is None:
            process.terminate()
            process.communicate()

    def gdb(self, *steps):
        """One session: attach, the steps, detach. Waits until QEMU listens."""
        words = [f"target remote :{self.port}", *steps, "detach"]
        command = [GDB, "-nx", "-batch"] + [w for step in words for w in ("-ex", step)]
        for _ in range(TRIES):
            done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.STDOUT, timeout=support.TIMEOUT_S)
            if "onnection refused" not in done.stdout and "timed out" not in done.stdout:
                return done.stdout
            time.sleep(0.25)
        raise AssertionError(f"nobody listens on port {self.port}: {done.stdout}")

    def ask(self, *steps):
        """A session with the kernel's symbols and our commands."""
        return self.gdb(f"add-symbol-file {BUILD}/kernel.elf -o {BIAS:#x}",
                        f"source {ROOT}/tools/gdb/quoll.py", *steps)

    def ask_until(self, text, *steps):
        """The first of some sessions that says `text`: the machine takes its time."""
        for _ in range(TRIES):
            said = self.ask(*steps)
            if text in said:
                return said
            time.sleep(0.25)
        raise AssertionError(f"never {text!r}, at last:\n{said}")

    def check_places(self, said):
        """Each place is one where somebody awaits something."""
        places = _PLACE.findall(said)
        for function, file, line in places:
            with open(os.path.join(ROOT, file), encoding="utf-8") as source:
                text = source.read().split("\n")[int(line) - 1]
            self.assertIn("co_await", text, f"{function} at {file}:{line}\n{said}")
        return [function for function, _, _ in places]

    def test_a_guest_that_waits_is_shown_with_all_that_is_its(self):
        machine_run = self.start("--smp", "2", guest("cat"), stdin=subprocess.PIPE)
        self.gdb()  # lets it go
        machine_run.process.stdin.write(b"a line\n")
        machine_run.process.stdin.flush()
        machine_run.read_until(b"a line\n")
        # The chain of a task, in the right order.
        said = self.ask_until("call_stream_read", "quoll tasks", "quoll guests", "quoll spaces",
                              "quoll regions", "quoll frames")
        functions = self.check_places(said)
        waiting = functions.index("quoll::guest::call_stream_read")
        self.assertEqual(functions[waiting + 1], "quoll::guest::serve", said)
        self.assertRegex(functions[waiting - 1], "::read$", said)
        for task in ("boot", "console", "virtio-console", "log", "guest"):
            self.assertRegex(said, rf"(?m)^task [0-9]+ \({task}\) waits$")
        self.assertEqual(int(re.search(r"(?m)^([0-9]+) tasks$", said)[1]),
                         len(re.findall(r"(?m)^task ", said)))
        # The guest and its memory.
        self.assertRegex(said, r"(?m)^guest 1 \(.*cat\.wasm\) in the kernel, .* resident of ")
        self.assertIn("\n1 guests\n", said)
        regions = [(int(a, 16), int(b, 16), p) for a, b, p, _ in _REGION.findall(said)]
        self.assertEqual(len(regions), int(re.search(r"([0-9]+) regions,", said)[1]), said)
        for (_, end, _), (start, _, _) in zip(regions, regions[1:]):
            self.assertLessEqual(end, start, said)
        self.assertTrue(any("x" in p for _, _, p in regions))
        self.assertFalse(any("w" in p and "x" in p for _, _, p in regions))
        self.assertRegex(said, r"[1-9][0-9]* page tables")
        # Frames add up.
        managed = int(re.search(r"(?m)^([0-9]+) frames", said)[1])
        counts = [int(n) for n in re.findall(r"(?m)^    (?:free|cached|allocated) +([0-9]+)", said)]
        self.assertEqual(sum(counts), managed, said)
        self.assertEqual(len(counts), 3)
        self.assertGreater(counts[2], 50, "what the kernel and the guest have")
        # Printers, and a guest that is not there.
        space = re.search(r"^space of guest 1 .* at (0x[0-9a-f]+)$", said, re.MULTILINE)[1]
        said = self.ask(
            f"print ((quoll::vm::AddressSpace*){space})->bounds_",
            f"print *((quoll::vm::AddressSpace*){space})->regions_.root_",
            "print 'quoll::guest::(anonymous namespace)::registry'.value_.foreground",
            "quoll regions 7", "quoll regions x")
        self.assertRegex(said, r"\$1 = 0x10000-0x[0-9a-f]+\n")
        self.assertRegex(said, r"\$2 = 0x[0-9a-f]+-0x[0-9a-f]+ [rwx-]{3}u? \w+\n")
        self.assertRegex(said, r"\$3 = (quoll::guest::Guest at 0x[0-9a-f]+|null)\n")
        self.assertIn("no guest 7 has an address space", said)
        self.assertIn("'x' is not the number of a guest", said)
        # The machine goes on as if nothing had been.
        outcome = machine_run.finish(b"another\n")
        self.expect(outcome, out=b"another\n")

    def test_a_guest_that_runs_is_on_its_hart(self):
        machine_run = self.start("--smp", "2", guest("primes"), "40000000",
                                 stdout=subprocess.DEVNULL)
        self.gdb()
        said = self.ask_until("(guest) runs on hart", "quoll tasks", "quoll guests")
        self.check_places(said)
        hart = re.search(r"(?m)^task [0-9]+ \(guest\) runs on hart ([01])$", said)
        self.assertIsNotNone(hart, said)
        self.assertIn("    quoll::guest::serve (running)\n", said)
        self.assertRegex(said, r"(?m)^guest 1 \(.*primes\.wasm\) (runs on hart|in the kernel)")
        machine_run.interrupt()
        self.expect(machine_run.finish(), status=130)

    def test_a_task_that_has_not_begun_is_shown(self):
        machine_run = self.start(guest("hello"))
        # Where the boot hart has made the first task, and runs none yet.
        said = self.ask("hbreak quoll::exec::start_hart", "continue", "quoll tasks", "delete")
        self.assertRegex(said, r"(?m)^task 1 \(boot\) is runnable\n    .*boot \(not begun\)\n1 tasks$")
        self.expect(machine_run.finish())

    def test_before_the_kernel_there_is_nothing(self):
        machine_run = self.start(guest("hello"))
        said = self.ask("quoll tasks", "quoll frames")
        self.assertEqual(said.count("the kernel is not mapped on any hart"), 2, said)
        self.expect(machine_run.finish())


if __name__ == "__main__":
    support.main()
