# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench engine: what may not be exceeded, what is said of it, where programs run, and what is
missing."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import bench_engine, user_mode  # noqa: E402

PEERS = {
    "must": {"long": 0.75},
    "programs": {
        "short": {"run": "short.wasm 7", "wasm3": {"zb": 100, "plain": 120}, "wamr": {"plain": 200}},
        "long": {"run": "long.wasm", "wasm3": {"zb": 1000, "plain": 1100}, "wamr": {"plain": 2000}},
    },
}


class BenchEngineTest(unittest.TestCase):
    def run_main(self, counts, *words, shared=True, processes=None):
        """(status, output) of a run in which programs take `counts[(run, machine)]` inside Quoll, and
        `processes[(run, machine)]` as processes."""

        def count(_build, _guests, run, machine, place):
            return (processes if place == bench_engine.PROCESS else counts)[run, machine]

        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "guests", "bin"))
            out = io.StringIO()
            environment = {"QUOLL_SHARED_DIR": folder if shared else os.path.join(folder, "none")}
            with mock.patch.dict(os.environ, environment), mock.patch.object(
                bench_engine.json, "load", return_value=PEERS
            ), mock.patch.object(
                bench_engine, "count", side_effect=count
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

    def test_processes_have_limits_without_being_asked(self):
        taken = {("short.wasm 7", "zb"): 99, ("short.wasm 7", "plain"): 119}
        status, said = self.run_main(None, "--user-mode", "short", processes=taken)
        self.assertEqual(status, 0)
        self.assertIn("Linux process", said)
        self.assertNotIn("inside Quoll", said)
        taken["short.wasm 7", "zb"] = 100
        status, said = self.run_main(None, "--user-mode", "short", processes=taken)
        self.assertEqual(status, 1)
        self.assertIn("short.zb: 100 is more than 99, Linux process", said)

    def test_says_both_counts_of_one_run(self):
        inside = {("short.wasm 7", "zb"): 40, ("short.wasm 7", "plain"): 60}
        taken = {("short.wasm 7", "zb"): 50, ("short.wasm 7", "plain"): 90}
        said = self.run_main(inside, "--user-mode", "--inside", "short", processes=taken)[1]
        row = next(line for line in said.splitlines() if line.startswith("short.plain"))
        self.assertEqual(row.split()[1:], ["119", "60", "0.500", "0.300", "90", "0.750", "0.450"])

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


class UserModeTest(unittest.TestCase):
    """With a program in QEMU's place that says how it was called."""

    def count(self, emulator, machine):
        """What is counted, and the words that the emulator was called with."""
        with tempfile.TemporaryDirectory() as folder:
            path, said = os.path.join(folder, "qemu"), os.path.join(folder, "said")
            with open(path, "w", encoding="utf-8") as script:
                script.write('#!/bin/sh\nprintf "%s\\n" "$@" "${SECRET-none}" ')
                script.write(f">{said}\n{emulator}\n")
            os.chmod(path, 0o755)
            with mock.patch.object(user_mode, "QEMU", path), mock.patch.dict(
                os.environ, {"SECRET": "told"}
            ):
                taken = user_mode.count("b/", "file=p.so", "rv64,x", ["m.wasm", "1 2"], machine)
            with open(said, encoding="utf-8") as text:
                return taken, text.read().splitlines()

    def test_reads_the_count_of_the_program_for_the_machine(self):
        for machine, build in (("zb", "b-linux-zb"), ("plain", "b-linux")):
            taken, words = self.count('echo 123 >"${4##*out=}"', machine)
            self.assertEqual(taken, 123)
            self.assertEqual(words[:3], ["-cpu", "rv64,x", "-plugin"])
            self.assertTrue(words[3].startswith("file=p.so,out="))
            runner = f"{build}/tests/wasi/quoll-host-run"
            self.assertEqual(words[4:], [runner, "m.wasm", "1 2", "none"])

    def test_a_program_that_fails_has_no_count(self):
        complaint = "(?s)m.wasm 1 2: status 3.*worse"
        with self.assertRaisesRegex(bench_engine.bench.BenchError, complaint):
            self.count('echo 123 >"${4##*out=}"; echo worse >&2; exit 3', "zb")

    def test_an_emulator_that_does_not_count_gives_none(self):
        with self.assertRaisesRegex(bench_engine.bench.BenchError, "status 0"):
            self.count("", "zb")


if __name__ == "__main__":
    unittest.main()
