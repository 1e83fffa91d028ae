# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The end of a test run names why each test failed."""

import os
import sys
import unittest
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import test_summary  # noqa: E402


def suite(*cases, failures=0, skipped=0):
    """CTest's results with these (name, status, output)."""
    root = ET.Element(
        "testsuite", tests=str(len(cases)), failures=str(failures), skipped=str(skipped)
    )
    for name, status, output in cases:
        case = ET.SubElement(root, "testcase", name=name, status=status)
        ET.SubElement(case, "system-out").text = output
    return root


class Summary(unittest.TestCase):
    def test_counts(self):
        lines = test_summary.summary(
            suite(("a", "run", "error: none"), ("b", "notrun", ""), skipped=1), 7
        )
        self.assertEqual(
            lines, ["quoll: 1 passed, 0 failed, 1 skipped in 7 s, set-up and build included"]
        )

    def test_a_failure_is_told_by_the_lines_that_say_why(self):
        noise = "trace: hart 0\n" * 5000
        output = f"{noise}life.cpp:132: expected used == 4, with 3 and 4\n{noise}167 passed\n"
        lines = test_summary.summary(suite(("kernel.smp4", "fail", output), failures=1), 1)
        self.assertEqual(lines[0], "kernel.smp4 failed:")
        self.assertEqual(lines[1], "    life.cpp:132: expected used == 4, with 3 and 4")
        self.assertEqual(len(lines), 3)

    def test_without_such_lines_the_last_ones_are_shown(self):
        output = "\n".join(f"line {i}" for i in range(100))
        lines = test_summary.summary(suite(("x", "fail", output), failures=1), 1)
        self.assertEqual(lines[1:-1], [f"    line {i}" for i in range(94, 100)])

    def test_silence_is_said(self):
        lines = test_summary.summary(suite(("x", "fail", None), failures=1), 1)
        self.assertEqual(lines[1], "    it printed nothing")

    def test_there_are_few_and_short_lines(self):
        output = "\n".join(f"a.cpp:{i}: expected {'x' * 1000}" for i in range(100))
        lines = test_summary.summary(suite(("x", "fail", output), failures=1), 1)
        self.assertEqual(len(lines), 2 + test_summary.MAX_LINES)
        self.assertTrue(all(len(line) <= 4 + test_summary.MAX_COLUMNS for line in lines))


if __name__ == "__main__":
    unittest.main()
