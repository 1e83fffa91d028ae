# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The runner's console read back, and the XML that comes of it."""

import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import junit, kernel_console  # noqa: E402

CONSOLE = """OpenSBI v1.1
tests.shuffle=77
[ RUN      ] A.first
[ RUN      ] A.second
said by one of them
[       OK ] A.first (1500 ms)
x.cpp:7: expected a < b, with 1 and 0
[  FAILED  ] A.second (2 ms)
[ RUN      ] B.third
nothing \x1b[31m <good>
"""


class Console(unittest.TestCase):
    """`kernel_console.parse`."""

    def test_each_line_belongs_to_those_that_run(self):
        """Both, while two do."""
        console = kernel_console.parse(CONSOLE)
        self.assertEqual(list(console.cases), ["A.first", "A.second", "B.third"])
        first, second, third = console.cases.values()
        self.assertEqual((first.outcome, first.seconds), (kernel_console.PASSED, 1.5))
        self.assertEqual(first.output, ["said by one of them"])
        self.assertEqual(second.outcome, kernel_console.FAILED)
        self.assertEqual(len(second.output), 2)
        self.assertEqual(console.running, [third])
        self.assertEqual(console.last_begun, "B.third")
        self.assertEqual(console.seed, "77")
        self.assertFalse(console.has_ended)

    def test_the_summary_counts_only_when_no_test_runs(self):
        """A test could say the same."""
        self.assertFalse(kernel_console.parse(CONSOLE + "1 passed, 0 failed\n").has_ended)
        ended = kernel_console.parse("[ RUN      ] A.a\n[       OK ] A.a (0 ms)\n"
                                     "1 passed, 0 failed\n")
        self.assertTrue(ended.has_ended)

    def test_every_truncation_is_read(self):
        """A machine may stop anywhere."""
        for size in range(len(CONSOLE)):
            console = kernel_console.parse(CONSOLE[:size])
            self.assertFalse(console.has_ended)
            self.assertLessEqual(len(console.running), 2)


class Junit(unittest.TestCase):
    """`junit.write`."""

    def test_what_is_written_can_be_read(self):
        """Names, times, kinds and texts, without what XML cannot hold."""
        cases = list(kernel_console.parse(CONSOLE).cases.values())
        cases[2].outcome = kernel_console.HUNG
        cases.append(kernel_console.Case("B.fourth"))
        with tempfile.NamedTemporaryFile() as out:
            junit.write(out.name, "kernel", cases, {"harts": 4})
            suite = ET.parse(out.name).getroot().find("testsuite")
        counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
        expected = {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
        self.assertEqual(counts, expected)
        self.assertEqual(suite.get("time"), "1.502")
        first, second, third, fourth = suite.iter("testcase")
        self.assertEqual((first.get("classname"), first.get("name")), ("A", "first"))
        self.assertEqual(first.get("time"), "1.500")
        self.assertEqual([child.tag for child in first], ["system-out"])
        failure = second.find("failure")
        self.assertEqual(failure.get("message"), "x.cpp:7: expected a < b, with 1 and 0")
        self.assertEqual(third.find("error").get("type"), "hung")
        self.assertEqual(third.findtext("system-out"), "nothing ?[31m <good>")
        self.assertIsNotNone(fourth.find("skipped"))


if __name__ == "__main__":
    unittest.main()
