# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The device tree of a machine that counts: every other hart is left out, and nothing else is."""

import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import counted, flat_tree  # noqa: E402

SOURCE = """/dts-v1/;
/ {
  compatible = "test", "okay";
  soc { status = "okay"; cpu@1 { status = "okay"; }; };
  cpus {
    cpu@0 { reg = <0>; status = "okay"; intc { status = "okay"; }; };
    cpu@1 { reg = <1>; status = "STATUS"; intc { status = "okay"; }; };
    cpu@a { reg = <10>; status = "okay"; };
    cpu@b { reg = <11>; status = "okay"; };
  };
};
"""


def translate(data, *formats):
    """By the device tree compiler."""
    command = ["dtc", "-q", "-I", formats[0], "-O", formats[1]]
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout


def tree_with(status):
    """The tree above, flattened."""
    return bytearray(translate(SOURCE.replace("STATUS", status).encode(), "dts", "dtb"))


class LeaveOut(unittest.TestCase):
    """`counted.leave_out_every_other`."""

    def test_those_with_odd_numbers_are_broken(self):
        """Children of harts, and what only looks like one, stay as they are."""
        tree = tree_with("okay")
        self.assertEqual(counted.leave_out_every_other(tree), 2)
        expected = tree_with("fail").decode("latin1")
        other = expected.rindex("okay")
        expected = expected[:other] + "fail" + expected[other + 4 :]
        self.assertEqual(translate(bytes(tree), "dtb", "dts"),
                         translate(expected.encode("latin1"), "dtb", "dts"))

    def test_one_that_is_out_already_is_refused(self):
        """It would be counted as one that was left out here."""
        with self.assertRaises(flat_tree.TreeError):
            counted.leave_out_every_other(tree_with("disabled"))

    def test_what_is_no_tree_is_refused(self):
        """Nothing at all, and text."""
        for blob in b"", b"x" * 100:
            with self.assertRaises(flat_tree.TreeError):
                counted.leave_out_every_other(bytearray(blob))


if __name__ == "__main__":
    unittest.main()
