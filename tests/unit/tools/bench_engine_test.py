# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench engine: what may not be exceeded, what is said of it, and what is missing."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import bench_engine  # noqa: E402

PEERS = {
    "must": {"long": 0.75},
    "programs": {
        "short": {"run": "short.wasm 7", "wasm3": {"zb": 100, "plain": 120}, "wamr": {"plain": 200}},
        "long": {"run": "long.wasm", "wasm3": {"zb": 1000, "plain": 1100}, "wamr": {"plain": 2000}},
    },
}


class BenchEngineTest(unittest.TestCase):
    def run_main(self, counts, *words, shared=True):
        """(status, output) of a run in which programs take `counts[(run, machine)]`."""
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "guests", "bin"))
            out = io.StringIO()
            environment = {"QUOLL_SHARED_DIR": folder if shared else os.path.join(folder, "none")}
            with mock.patch.dict(os.environ, environment), mock.patch.object(
                bench_engine.json, "load", return_value=PEERS
            ), mock.patch.object(
                bench_engine, "count", side_effect=lambda _b, _g, run, machine: counts[run, machine]
            ), contextlib.redirect_stdout(out):
                return bench_engine.main(["build", *words]), out.getvalue()

    def test_a_program_may_take_less_than_wasm3_or_its_share(self):
        self.assertEqual(bench_engine.limit(PEERS, "short", "zb"), 99)
        self.assertEqual(bench_engine.limit(PEERS, "long", "plain"), 825)

    def test_says_what_exceeds_its_limit_and_fails_on_request(self):
        counts = {
            ("short.wasm 7", "zb"): 99, ("short.wasm 7", "plain"): 120,
            ("long.wasm", "zb"): 500, ("long.wasm", "plain"): 500,
        }
        status, said = self.run_main(counts)
        self.assertEqual(status, 0)
        self.assertIn("short.plain: 120 is more than 119", said)
        self.assertNotIn("short.zb:", said)
        self.assertEqual(self.run_main(counts, "--limits")[0], 1)
        self.assertEqual(self.run_main(counts, "--limits", "long")[0], 0)

    def test_refuses_what_it_does_not_know(self):
        status, said = self.run_main({}, "unheard")
        self.assertEqual(status, 2)
        self.assertIn("unheard", said)

    def test_says_which_programs_are_missing(self):
        status, said = self.run_main({}, shared=False)
        self.assertEqual(status, 77)
        self.assertTrue(said.startswith("skipped: "))

    def test_has_a_share_for_programs_that_exist(self):
        with open(bench_engine.PEERS, encoding="utf-8") as text:
            peers = bench_engine.json.load(text)
        self.assertLessEqual(set(peers["must"]), set(peers["programs"]))
        for row in peers["programs"].values():
            self.assertEqual(set(row["wasm3"]), set(bench_engine.CPUS))


if __name__ == "__main__":
    unittest.main()
