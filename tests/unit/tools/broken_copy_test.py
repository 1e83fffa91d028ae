# SPDX-License-Identifier: Apache-2.0 OR MIT
"""quoll.broken_copy: what a list says, and what a copy of a source becomes by it."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import broken_copy  # noqa: E402

LIST = """\
# For people.

nobody waits
src/toy.cpp
- lock();
- while (busy_) {
+ if (!BROKEN) lock();
+ while (!BROKEN && busy_) {
"""
TOY = "void wait() {\n  lock();\n  while (busy_) {\n  }\n  lock();\n}\n"


class BrokenCopyTest(unittest.TestCase):
    def test_a_copy_has_what_can_be_broken_and_as_many_lines(self):
        with tempfile.TemporaryDirectory() as room, tempfile.TemporaryDirectory() as into:
            os.makedirs(os.path.join(room, "src"))
            with open(os.path.join(room, "src/toy.cpp"), "w", encoding="utf-8") as source:
                source.write(TOY)
            broken_copy.make_copies(broken_copy.read_breaks(LIST), room, into)
            with open(os.path.join(into, "src/toy.cpp"), encoding="utf-8") as copy:
                lines = copy.read().splitlines()
        asked = '::quoll::races::is_broken("nobody waits")'
        self.assertEqual(lines[1], f"if (!{asked}) lock(); while (!{asked} && busy_) {{")
        self.assertEqual(len(lines), len(TOY.splitlines()))
        self.assertEqual(lines[3:], TOY.splitlines()[3:])

    def test_a_line_that_is_not_there_once_is_refused(self):
        for before in ("unlock();", "lock();"):
            one = broken_copy.Break("toy", "src/toy.cpp", [before], ["BROKEN;"])
            with self.assertRaises(ValueError):
                broken_copy.break_source(TOY, one)
        with self.assertRaises(ValueError):
            broken_copy.break_source(TOY, broken_copy.Break("toy", "src/toy.cpp", [], ["BROKEN;"]))

    def test_a_line_that_says_neither_is_refused(self):
        with self.assertRaises(ValueError):
            broken_copy.read_breaks("toy\nsrc/toy.cpp\nlock();\n")


if __name__ == "__main__":
    unittest.main()
