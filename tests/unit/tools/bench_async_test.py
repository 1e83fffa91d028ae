# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench async: who is compared in what, ratios round by round, counts and their baseline."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import bench_async  # noqa: E402

PROGRAM = """#!/bin/sh
[ $# = 0 ] && { printf '%s\\n' ROWS; exit 0; }
[ -n "$FAKE_FAILS" ] && { echo broken >&2; exit 3; }
echo $(($3 * COST))
"""
# Counts what does not depend on the operations, and for each the cost in instructions.
VALGRIND = """#!/bin/sh
case $1 in
--tool=callgrind) echo "==1== Collected : $((100000 + $6 * FAKE_INSTRUCTIONS))" >&2 ;;
--tool=memcheck) echo "==1==   total heap usage: $((70 + $5 * 2)) allocs, 7 frees" >&2 ;;
esac
"""


class BenchAsyncTest(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.folder = work.name
        os.makedirs(os.path.join(self.folder, "bench/async"))
        self.program("quoll", "spawn_join channel.2 timer", 10)
        self.program("asio", "spawn_join unlocked.spawn_join timer", 25)
        self.program("tbb", "spawn_join queue.channel.2", 5)
        self.script("valgrind", VALGRIND)

    def script(self, path, text):
        path = os.path.join(self.folder, path)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o755)

    def program(self, name, rows, cost):
        text = PROGRAM.replace("ROWS", rows).replace("COST", str(cost))
        self.script(f"bench/async/bench_async_{name}", text)

    def run_bench(self, *words, instructions=300, fails=""):
        environment = {
            "PATH": self.folder + os.pathsep + os.environ["PATH"],
            "FAKE_INSTRUCTIONS": str(instructions),
            "FAKE_FAILS": fails,
        }
        said = io.StringIO()
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(said):
            status = bench_async.main([self.folder, *words], folder=self.folder)
        return status, said.getvalue()

    def test_everybody_who_has_the_row_is_compared(self):
        status, said = self.run_bench("spawn_join", "--quick")
        self.assertEqual(status, 0)
        self.assertIn("asio: 25 (2.50)   asio, no locks: 25 (2.50)   tbb: 5 (0.50)", said)
        self.assertIn("spawn_join: tbb is faster", said)

    def test_who_has_no_such_row_is_left_out(self):
        said = self.run_bench("channel.2", "timer", "--quick")[1]
        self.assertIn("tbb, blocking: 5 (0.50)", said)
        self.assertEqual(said.count("asio:"), 1)

    def test_says_when_nobody_is_faster(self):
        self.assertIn("ahead of each in each row", self.run_bench("timer", "--quick")[1])

    def test_update_keeps_what_check_then_accepts(self):
        with open(os.path.join(self.folder, "baseline.json"), "w", encoding="ascii") as out:
            json.dump({"exec.switch": 7}, out)
        self.assertEqual(self.run_bench("timer", "--update")[0], 0)
        with open(os.path.join(self.folder, "baseline.json"), encoding="ascii") as text:
            wanted = {"async.timer.allocations": 2, "async.timer.instructions": 300}
            self.assertEqual(json.load(text), wanted | {"exec.switch": 7})
        self.assertEqual(self.run_bench("timer", "--check")[0], 0)

    def test_check_names_what_moved(self):
        self.run_bench("timer", "--update")
        status, said = self.run_bench("timer", "--check", instructions=301)
        self.assertEqual(status, 1)
        self.assertIn("async.timer.instructions: 301, the baseline says 300", said)
        self.assertNotIn("async.timer.allocations: ", said)

    def test_two_threads_are_not_counted(self):
        said = self.run_bench("channel.2", "timer", "--update")[1]
        self.assertIn("2 numbers written", said)

    def test_a_program_that_fails_gives_no_numbers(self):
        status, said = self.run_bench("timer", "--quick", fails="yes")
        self.assertEqual(status, 1)
        self.assertIn("status 3\nbroken", said)

    def test_unknown_words_are_refused(self):
        status, said = self.run_bench("speed")
        self.assertEqual(status, 2)
        self.assertIn("usage: tools/bench async", said)


if __name__ == "__main__":
    unittest.main()
