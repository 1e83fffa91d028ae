# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the kernel switches interrupts, read from a disassembly; and what the plugin has found."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import interrupts_off, symbolize  # noqa: E402

DISASSEMBLY = """
kernel-test.elf:\tfile format elf64-littleriscv

0000000000000100 <quoll_trap_entry>:
     100:      \tcsrrw\ta0, sscratch, a0
     104:      \tcsrc\tsstatus, t0
     108:      \tcsrw\tsstatus, t0
     10c:      \tsret

0000000000000200 <trap_from_user>:
     200:      \tsd\tra, 0x8(a0)
     204:      \tcsrrc\tt0, sstatus, t1
     208:      \tsret

0000000000000300 <quoll_user_copy>:
     300:      \tcsrs\tsstatus, t6
     304:      \tcsrc\tsstatus, t6

0000000000000400 <_ZN5quoll4workEv>:
     400:      \tcsrrci\ts1, sstatus, 0x2
     404:      \tcsrs\tsstatus, s1
     408:      \tcsrci\tsstatus, 0x2
     40c:      \twfi
     410:      \tcsrsi\tsstatus, 0x2
     414:      \tcsrr\ta0, sstatus
     418:      \tcsrs\tsie, a0
"""


class Places(unittest.TestCase):
    """`interrupts_off.places`."""

    def test_each_kind_is_known(self):
        """And what changes other bits, or other registers, is not taken for one."""
        found = list(interrupts_off.places(DISASSEMBLY.splitlines()))
        self.assertEqual(
            found,
            [
                ("entry", 0x100), ("return", 0x10C), ("user", 0x200), ("enter", 0x208),
                ("save", 0x400), ("restore", 0x404), ("off", 0x408), ("wait", 0x40C),
                ("on", 0x410),
            ],
        )

    def test_what_is_not_understood_is_refused(self):
        """Rather than measured wrongly."""
        for instruction in "csrw\tsstatus, a0", "csrrs\ta0, sstatus, a1", "csrci\tsstatus, 0x3":
            lines = ["0000000000000400 <f>:", f"     400:      \t{instruction}"]
            with self.assertRaises(interrupts_off.ProbeError):
                list(interrupts_off.places(lines))


class Program:
    """Stands in for `symbolize.Program`."""

    FILES = {1: "kernel/mem/src/heap.cpp", 2: "tests/kernel/a.cpp", 3: "kernel/panic/src/panic.cpp"}

    def look_up(self, addresses):
        """Knows all of them already."""

    def places(self, address):
        """What is inlined is the guard."""
        return [
            symbolize.Place("lock", "libs/sync/include/quoll/sync/spin_lock.hpp", 68),
            symbolize.Place("f", self.FILES[address], 1),
        ]


class Stretches(unittest.TestCase):
    """`parse` and `of_the_kernel`."""

    def test_the_longest_of_the_kernels_own_comes_first(self):
        """Wherever they end."""
        text = "faults 0\n0x1 0x2 7 40 0\n0x2 0x1 1 900 0\n0x3 0x1 1 800 0\n0x1 0x1 2 50 30\n"
        faults, stretches = interrupts_off.parse(text)
        self.assertEqual(faults, 0)
        own = interrupts_off.of_the_kernel(Program(), stretches)
        self.assertEqual([(s.instructions, s.firmware, s.times) for s in own],
                         [(50, 30, 2), (40, 0, 7)])

    def test_a_plugin_that_did_not_run_is_noticed(self):
        """No stretch at all would be within every limit."""
        for text in "", "0x1 0x2 7 40 0\n":
            with self.assertRaises(interrupts_off.ProbeError):
                interrupts_off.parse(text)


if __name__ == "__main__":
    unittest.main()
