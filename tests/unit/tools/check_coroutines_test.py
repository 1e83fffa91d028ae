# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which listings of machine code have a coroutine that keeps an address of its hart's stack."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import check_coroutines  # noqa: E402


def listing(*code, name="quoll::wait() (.resume)"):
    """A function as llvm-objdump prints it, two bytes an instruction from 0x1000 on."""
    lines = [f"0000000000001000 <{name}>:"]
    lines += [f"    {0x1000 + 2 * number:x}:      \t{line}" for number, line in enumerate(code)]
    return lines


def wrong(*code, **options):
    """What is wrong with it, without the places."""
    return [fault.rpartition(": ")[2] for fault in check_coroutines.check(listing(*code, **options))[1]]


class Coroutines(unittest.TestCase):
    """The frame comes in a0."""

    def test_an_address_that_is_kept_in_the_frame_is_found(self):
        """As the compiler had it: computed before a loop, kept for its waits."""
        code = ("addi\tsp, sp, -0x40", "mv\ts10, a0", "addi\ts8, sp, 0x20", "mv\ta4, s8",
                "jal\t0x2000 <quoll::format()>", "sd\ts8, 0x160(s10)", "ret")
        self.assertEqual(wrong(*code), ["sd s8, 0x160(s10)"])

    def test_so_is_one_by_the_frame_pointer_and_into_a_part_of_the_frame(self):
        """Both derived by additions."""
        code = ("addi\ts0, sp, 0x40", "addi\ts1, a0, 0x30", "addi\ta1, s0, -0x20", "sd\ta1, 0x8(s1)")
        self.assertEqual(wrong(*code), ["sd a1, 0x8(s1)"])

    def test_so_is_one_that_was_laid_aside(self):
        """On the stack, and the frame too."""
        code = ("sd\ta0, 0x8(sp)", "addi\ta1, sp, 0x20", "sd\ta1, 0x10(sp)", "li\ta1, 0x0",
                "ld\ta2, 0x8(sp)", "ld\ta3, 0x10(sp)", "sd\ta3, 0x0(a2)")
        self.assertEqual(wrong(*code), ["sd a3, 0x0(a2)"])

    def test_so_is_one_of_some_paths_only(self):
        """The branch comes from behind, with the address; straight on there is none."""
        code = ("mv\ts1, a0", "li\ts2, 0x0", "sd\ts2, 0x10(s1)", "addi\ts2, sp, 0x8",
                "bnez\ta1, 0x1004 <quoll::wait() (.resume)+0x4>", "ret")
        self.assertEqual(wrong(*code), ["sd s2, 0x10(s1)"])

    def test_what_a_call_returns_is_neither(self):
        """Nor what it leaves in the other registers that it may use."""
        code = ("mv\ts1, a0", "addi\ta0, sp, 0x8", "addi\ta1, sp, 0x10", "jal\t0x2000 <f>",
                "sd\ta0, 0x0(s1)", "sd\ta1, 0x8(s1)", "ret")
        self.assertEqual(wrong(*code), [])

    def test_addresses_of_the_stack_may_be_on_the_stack(self):
        """And those of the frame in the frame, and values anywhere."""
        code = ("addi\ta1, sp, 0x20", "sd\ta1, 0x0(sp)", "addi\ta2, a0, 0x30", "sd\ta2, 0x8(a0)",
                "ld\ta3, 0x20(sp)", "sd\ta3, 0x10(a0)", "sd\tra, 0x38(sp)", "ret")
        self.assertEqual(wrong(*code), [])

    def test_other_functions_are_not_looked_at(self):
        """They do not wait."""
        code = ("addi\ta1, sp, 0x20", "sd\ta1, 0x0(a0)", "ret")
        self.assertEqual(wrong(*code, name="quoll::no_coroutine()"), [])
        self.assertEqual(check_coroutines.check(listing(*code, name="f"))[0], 0)


if __name__ == "__main__":
    unittest.main()
