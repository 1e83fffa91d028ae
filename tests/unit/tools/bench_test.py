# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/bench: reading the kernel's numbers, comparing and rewriting the baseline."""

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

from quoll import bench, machine  # noqa: E402


class BenchTest(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.folder = work.name
        os.mkdir(os.path.join(self.folder, "demos"))
        with open(os.path.join(self.folder, "demos/hello.wasm"), "wb") as out:
            out.write(b"\0asm\1\0\0\0")
        patch = mock.patch.object(machine, "QEMU", os.path.join(HERE, "fake_machine.py"))
        patch.start()
        self.addCleanup(patch.stop)

    def run_bench(self, *words, count=10, targets=None):
        with open(os.path.join(self.folder, "targets.json"), "w", encoding="ascii") as out:
            json.dump(targets or {}, out)
        environment = {"FAKE_GUEST": "counts", "FAKE_COUNT": str(count)}
        said = io.StringIO()
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(said):
            status = bench.main([self.folder, *words], folder=self.folder)
        return status, said.getvalue()

    def baseline(self):
        with open(os.path.join(self.folder, "baseline.json"), encoding="ascii") as text:
            return json.load(text)

    def test_update_keeps_what_check_then_accepts(self):
        self.assertEqual(self.run_bench("boot", "--update")[0], 0)
        wanted = {"boot.first": 10, "boot.first@4": 10}
        wanted |= {"boot.second_step": 20, "boot.second_step@4": 20}
        self.assertEqual(self.baseline(), wanted)
        self.assertEqual(self.run_bench("boot", "--check")[0], 0)

    def test_check_names_what_moved(self):
        self.run_bench("boot", "--update")
        status, said = self.run_bench("boot", "--check", count=11)
        self.assertEqual(status, 1)
        self.assertIn("boot.first: 11, the baseline says 10", said)
        self.assertNotIn("boot.second_step: 20", said)

    def test_check_needs_a_baseline(self):
        self.assertEqual(self.run_bench("boot", "--check")[0], 1)

    def test_check_refuses_a_missed_target(self):
        self.run_bench("boot", "--update")
        targets = {"boot.first": {"must": 9, "stretch": 5}}
        status, said = self.run_bench("boot", "--check", targets=targets)
        self.assertEqual(status, 1)
        self.assertIn("more than the 9", said)

    def test_update_of_one_group_leaves_the_others(self):
        with open(os.path.join(self.folder, "baseline.json"), "w", encoding="ascii") as out:
            json.dump({"syscall.empty": 99, "boot.gone": 1}, out)
        self.run_bench("boot", "--update")
        self.assertEqual(self.baseline()["syscall.empty"], 99)
        self.assertNotIn("boot.gone", self.baseline())

    def test_an_unknown_word_is_refused(self):
        status, said = self.run_bench("speed")
        self.assertEqual(status, 2)
        self.assertIn("usage: tools/bench", said)

    def test_a_group_without_numbers_is_an_error(self):
        self.assertEqual(self.run_bench("syscall")[0], 1)


if __name__ == "__main__":
    unittest.main()
