# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench engine --validate and --host: who is compared in what, ratios round by round, and
what is missing."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import bench_engine_host as bench_host  # noqa: E402


class BenchEngineHostTest(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.folder = work.name
        self.guests = os.path.join(self.folder, "guests", "bin")
        os.makedirs(self.guests)

    def run_main(self, speeds, *words):
        """(status, output) of a run in which a command's first word takes speeds[its name]; a name
        that is not there fails."""

        def output(command):
            name = os.path.basename(command[0])
            if name == "wasm-opt":
                with open(command[-1], "wb") as out:
                    out.write(bytes(500))
                return ""
            if name not in speeds:
                raise bench_host.bench.BenchError(name)
            return f"{speeds[name]}\n"

        out = io.StringIO()
        with mock.patch.dict(os.environ, {"QUOLL_SHARED_DIR": self.folder}), mock.patch.object(
            bench_host, "output", side_effect=output
        ), contextlib.redirect_stdout(out):
            return bench_host.main(["build", *words]), out.getvalue()

    def module(self, name, size):
        with open(os.path.join(self.guests, name), "wb") as out:
            out.write(bytes(size))

    def test_says_megabytes_a_second_and_ratios(self):
        self.module("big.wasm", 1000)
        speeds = {"bench_validate_quoll": 1000, "bench_validate_wabt": 4000, "node": 500}
        status, said = self.run_main(speeds, "--validate", "--limits", "big")
        self.assertEqual(status, 0)
        row = next(line for line in said.splitlines() if line.startswith("big"))
        self.assertIn(" 1000   1000.0   wabt: 250.0 (4.00)   node: 2000.0 (0.50)", row)
        self.assertNotIn("random", said)

    def test_takes_the_biggest_published_modules_and_random_ones(self):
        for number in range(6):
            self.module(f"m{number}.wasm", 100 + number)
        speeds = {"bench_validate_quoll": 1000, "bench_validate_wabt": 4000, "node": 500}
        said = self.run_main(speeds, "--validate")[1]
        rows = [line.split()[0] for line in said.splitlines() if "wabt:" in line]
        self.assertEqual(rows, ["m5", "m4", "m3", "m2", "random-small", "random"])

    def test_fails_on_request_where_wabt_is_faster(self):
        speeds = {"bench_validate_quoll": 1000, "bench_validate_wabt": 999, "node": 500}
        status, said = self.run_main(speeds, "--validate", "random")
        self.assertEqual(status, 0)
        self.assertIn("random: wabt is faster", said)
        self.assertEqual(self.run_main(speeds, "--validate", "random", "--limits")[0], 1)

    def test_a_ratio_is_of_one_round(self):
        ours, theirs = iter([10, 1000, 30]), iter([20, 2000, 15])
        found = bench_host.compare({"quoll": lambda: next(ours), "x": lambda: next(theirs)}, 3)
        self.assertEqual(found, {"quoll": (30, 1), "x": (20, 2)})

    def test_runs_programs_with_every_peer(self):
        speeds = {"quoll-host-run": "", "node": "", "sh": ""}
        status, said = self.run_main(speeds, "--host", "nothing", "--peer", "shell=/bin/sh")
        self.assertEqual(status, 0)
        row = next(line for line in said.splitlines() if line.startswith("nothing"))
        for who in ("node: ", "node, baseline: ", "shell: "):
            self.assertIn(who, row)

    def test_refuses_what_it_does_not_know(self):
        for words in (
            ["--validate", "unheard"],
            ["--host", "unheard"],
            ["--host", "--limits"],
            ["--validate", "--peer", "a=/bin/sh"],
            ["--host", "--peer", "a=/there/is/none"],
            ["--host", "--peer", "/bin/sh"],
        ):
            self.assertEqual(self.run_main({}, *words)[0], 2, words)

    def test_says_what_gave_no_numbers(self):
        status, said = self.run_main({}, "--validate", "random")
        self.assertEqual(status, 1)
        self.assertIn("no numbers from bench_validate_quoll", said)


if __name__ == "__main__":
    unittest.main()
