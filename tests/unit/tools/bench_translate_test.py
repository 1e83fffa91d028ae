# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench engine --translate: what it complains about."""

import contextlib
import io
import os
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import bench_translate  # noqa: E402

SAID = "1000 100 200 0123456789abcdef\n"


def measured(size, instructions, taken=0):
    """One of the sizes, which takes as much in each part."""
    return bench_translate.Measurement(
        size,
        {"decode": instructions, "translate": instructions},
        {"decode": taken, "translate": taken},
        "0",
    )


class BenchTranslateTest(unittest.TestCase):
    def run_main(self, results, *words):
        """(status, output) of a run in which the sizes of a shape have these results."""
        out = io.StringIO()
        with mock.patch.object(
            bench_translate, "shapes", return_value={"body": (80, "pieces")}
        ), mock.patch.object(
            bench_translate, "measure", side_effect=results
        ), contextlib.redirect_stdout(out):
            return bench_translate.main(["build", *words]), out.getvalue()

    def test_what_grows_with_the_module_is_in_order(self):
        status, said = self.run_main([measured(n, 10 * n, 5 * n) for n in (10, 20, 40, 80)])
        self.assertEqual(status, 0)
        self.assertIn("in proportion", said)

    def test_a_square_is_not(self):
        status, said = self.run_main([measured(n, n * n) for n in (10, 20, 40, 80)])
        self.assertEqual(status, 1)
        self.assertIn("body: decode takes 20.0 instructions for each byte", said)
        status, said = self.run_main([measured(n, n, n * n) for n in (10, 20, 40, 80)])
        self.assertEqual(status, 1)
        self.assertIn("body: translate takes 20.0 bytes for each byte", said)

    def test_another_hash_is_an_error(self):
        other = SAID.replace("abcdef", "abcdee")
        with mock.patch.object(
            bench_translate, "run", side_effect=[(SAID, ""), (other, "Collected : 7")]
        ), self.assertRaises(bench_translate.bench.BenchError):
            bench_translate.measure("build", "body", 8)

    def test_reads_what_the_program_and_valgrind_say(self):
        with mock.patch.object(
            bench_translate, "run",
            side_effect=[(SAID, ""), (SAID, "==1== Collected : 7"), (SAID, "==1== Collected : 8")],
        ):
            row = bench_translate.measure("build", "body", 8)
        self.assertEqual(row.size, 1000)
        self.assertEqual(row.instructions, {"decode": 7, "translate": 8})
        self.assertEqual(row.bytes, {"decode": 100, "translate": 200})

    def test_refuses_what_it_does_not_know(self):
        status, said = self.run_main([], "unheard")
        self.assertEqual(status, 2)
        self.assertIn("unheard", said)


if __name__ == "__main__":
    unittest.main()
