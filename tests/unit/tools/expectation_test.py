# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What counts as a console that says what a kernel test declares."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import expectation  # noqa: E402

LIST = """\
[ TEST     ] Failures.First death
[ EXPECTS  ] says null pointer: … fault …
[ EXPECTS  ] names inner
[ EXPECTS  ] names outer
[ TEST     ] Failures.Second usual
[ EXPECTS  ] says one
[ EXPECTS  ] names inner (inlined)
[ EXPECTS  ] then two
[ EXPECTS  ] prints kept …apart
[ EXPECTS  ] harts 2
[ EXPECTS  ] harts 4
[ EXPECTS  ] bootargs backtrace=off
[ EXPECTS  ] beside_others
[ TEST     ] Failures.Third usual
"""
DEATH = """\
[ RUN      ] Failures.First

KERNEL PANIC on hart 0: null pointer: load page fault at 0x1
  backtrace:
     0 quoll::(anonymous namespace)::inner at a.cpp:1
     1 quoll::between at a.cpp:2
     2 quoll::outer at a.cpp:3
"""
CONTAINED = """\
[ RUN      ] Failures.Second
PANIC on hart 0 in task 7 (a name): one
     0 quoll::inner at a.cpp:1 (inlined)
PANIC on hart 1 in task 8 (other): two
this is kept well apart from that
[       OK ] Failures.Second (1 ms)
PANIC on hart 1 in task 9 (later): of another test
"""


class Expectation(unittest.TestCase):
    def setUp(self):
        self.tests = expectation.parse_list(LIST)

    def wrong(self, name, console, status, harts=1):
        return expectation.check(self.tests["Failures." + name], console, status, harts)

    def test_a_list_is_read(self):
        self.assertEqual(list(self.tests), ["Failures." + n for n in ("First", "Second", "Third")])
        second = self.tests["Failures.Second"]
        self.assertEqual((second.kind, second.harts, second.bootargs),
                         ("usual", [2, 4], ["backtrace=off"]))
        self.assertEqual([r.message for r in second.reports], ["one", "two"])
        with self.assertRaises(ValueError):
            expectation.parse_list("[ TEST     ] A.B usual\n[ EXPECTS  ] sings loudly\n")

    def test_what_is_as_declared_passes(self):
        self.assertEqual(self.wrong("First", DEATH, 125), [])
        self.assertEqual(self.wrong("Second", CONTAINED, 0), [])

    def test_a_test_that_was_not_run_fails(self):
        self.assertEqual(self.wrong("Third", DEATH, 0), ["it was not run"])
        # A name that begins like it is another test.
        self.assertEqual(self.wrong("First", DEATH.replace("First", "FirstOfAll"), 125),
                         ["it was not run"])

    def test_another_status_message_or_order_fails(self):
        self.assertTrue(self.wrong("First", DEATH, 0))
        self.assertTrue(self.wrong("First", DEATH, None))
        self.assertTrue(self.wrong("First", DEATH.replace("load page", "no"), 125) == [])
        self.assertTrue(self.wrong("First", DEATH.replace("null", "wild"), 125))
        self.assertTrue(self.wrong("First", DEATH.replace("outer", "router"), 125))
        swapped = DEATH.replace("inner", "x").replace("outer", "inner").replace("::x", "::outer")
        self.assertTrue(self.wrong("First", swapped, 125))
        self.assertTrue(self.wrong("Second", CONTAINED.replace(" (inlined)", ""), 0))
        self.assertTrue(self.wrong("Second", CONTAINED.replace("kept well", "lost"), 0))

    def test_more_or_fewer_reports_fail(self):
        self.assertTrue(self.wrong("First", DEATH + "KERNEL PANIC on hart 0: more\n", 125))
        self.assertTrue(self.wrong("Second", CONTAINED.replace("PANIC on hart 1", "x"), 0))
        self.assertTrue(self.wrong("Second", CONTAINED.replace("PANIC on", "KERNEL PANIC on"), 0))

    def test_a_panic_in_a_report_fails_unless_it_is_declared(self):
        text = DEATH + "panic while panicking: more\n"
        self.assertEqual(len(self.wrong("First", text, 125)), 1)
        self.tests["Failures.First"].prints.append("panic while panicking: …")
        self.assertEqual(self.wrong("First", text, 125), [])

    def test_a_contained_report_is_not_the_end_of_a_machine(self):
        text = DEATH.replace("KERNEL PANIC on hart 0", "PANIC on hart 0 in task 1 (boot)")
        self.assertTrue(self.wrong("First", text, 125))

    def test_reports_of_each_hart_are_counted(self):
        self.tests["Failures.Third"].reports.append(expectation.Report("again"))
        self.tests["Failures.Third"].times_each_hart = 2
        text = "[ RUN      ] Failures.Third\n" + "PANIC on hart 0 in task 1 (t): again\n" * 4
        self.assertEqual(self.wrong("Third", text, 0, harts=2), [])
        self.assertTrue(self.wrong("Third", text, 0, harts=3))


if __name__ == "__main__":
    unittest.main()
