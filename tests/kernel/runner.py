# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the kernel test runner makes of tests that go wrong: `runner.py BUILD_DIRECTORY`.

The tests are those of runner_test.cpp; asserted are names, outcomes, exit statuses and JUnit XML."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

from quoll import kernel_test

BUILD = sys.argv.pop(1)


class Run:
    """One call of kernel_test, with what it printed and wrote."""

    def __init__(self, tests, *options):
        with tempfile.NamedTemporaryFile(suffix=".xml") as xml:
            words = [BUILD, *options, "--junit", xml.name]
            words.append(",".join(f"Runner.{test}" for test in tests))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.status = kernel_test.main(words)
            self.out = out.getvalue()
            self.xml = ET.parse(xml.name).getroot()
        self.cases = {case.get("name"): case for case in self.xml.iter("testcase")}

    def kind(self, test):
        """`passed`, `failure` or `error`, as the XML has it."""
        case = self.cases[test]
        kinds = [child.tag for child in case if child.tag != "system-out"]
        return kinds[0] if kinds else "passed"

    def output(self, test):
        """What was said while the test ran."""
        return self.cases[test].findtext("system-out") or ""

    def message(self, test):
        """Why it failed, in short."""
        return next(child.get("message") for child in self.cases[test] if child.get("message"))


class Runner(unittest.TestCase):
    """At 1 and 4 harts."""

    HARTS = ("1", "4")

    def runs(self, tests, *options):
        """The run on each number of harts."""
        for harts in self.HARTS:
            run = Run(tests, "--smp", harts, *options)
            print(run.out)  # CTest shows it when something is wrong
            yield run

    def expect(self, run, kinds):
        """Each test is in the XML once, in its kind, and the counts are right."""
        self.assertEqual({test: run.kind(test) for test in run.cases}, kinds)
        suite = run.xml.find("testsuite")
        self.assertEqual(int(suite.get("tests")), len(kinds))
        for name, kind in (("failures", "failure"), ("errors", "error")):
            self.assertEqual(int(suite.get(name)), list(kinds.values()).count(kind))

    def test_failures_are_named_and_the_rest_goes_on(self):
        """One machine, whatever fails in it."""
        kinds = {
            "Fails": "failure",
            "FailsInAnotherTask": "failure",
            "Panics": "failure",
            "PanicsPlainly": "failure",
            "ExpectsAPanic": "passed",
            "ExpectsThePanicOfATask": "passed",
            "ExpectsAPanicInVain": "failure",
            "Leaks": "failure",
            "LeaksWithAReason": "passed",
            "KeepsSomethingFromTheFirstTime": "passed",
            "LeaksATask": "failure",
            "TakesTooLong": "failure",
            "Passes": "passed",
        }
        for run in self.runs(kinds):
            self.assertEqual(run.status, kernel_test.SOME_FAILED)
            self.expect(run, kinds)
            self.assertIn("expected seven == 8, with 7 and 8", run.message("Fails"))
            self.assertIn("expected seven == 9", run.output("Fails"))
            self.assertNotIn("10", run.output("Fails"))
            self.assertIn("the test panics", run.output("Panics"))
            self.assertIn("the plain test panics", run.output("PanicsPlainly"))
            self.assertIn("a balance", run.message("Leaks"))
            self.assertIn("over its limit", run.message("TakesTooLong"))
            self.assertEqual(run.out.count("OpenSBI v"), 1, "machines")

    def test_page_tables_are_audited(self):
        """What a test leaves in them is its failure, with entry, address and rule."""
        kinds = {"LeavesAnExecutablePageInThePhysicalMap": "failure"}
        for run in self.runs(kinds):
            self.assertEqual(run.status, kernel_test.SOME_FAILED)
            self.expect(run, kinds)
            self.assertRegex(
                run.message("LeavesAnExecutablePageInThePhysicalMap"),
                "no page of the physical map is executable, at 0x[0-9a-f]+: entry 0x[0-9a-f]+",
            )

    def test_all_well_is_status_0(self):
        """And nothing less than that."""
        for run in self.runs(["Passes"]):
            self.assertEqual(run.status, kernel_test.ALL_WELL)
            self.expect(run, {"Passes": "passed"})

    def test_nothing_at_all_is_not_well(self):
        """A filter with a mistake in it must not pass."""
        run = Run(["Passse"])
        self.assertEqual(run.status, kernel_test.SOME_FAILED)
        self.assertEqual(run.cases, {})

    def test_another_machine_goes_on_behind_one_that_stops(self):
        """Status 0 of the machine is no excuse."""
        kinds = {
            "Passes": "passed",
            "StopsTheMachine": "error",
            "EndsTheMachineWithSuccess": "error",
            "LeaksWithAReason": "passed",
        }
        for run in self.runs(kinds):
            self.assertEqual(run.status, kernel_test.MACHINE_STOPPED)
            self.expect(run, kinds)
            self.assertIn("the test stops the machine", run.message("StopsTheMachine"))
            self.assertIn("EndsTheMachineWithSuccess stopped with status 0", run.out)

    def test_one_that_holds_its_hart_is_named(self):
        """By the kernel, while it takes interrupts somewhere; by the host otherwise."""
        kinds = {
            "HoldsItsHart": "error",
            "HoldsItsHartWithInterruptsOff": "error",
            "Passes": "passed",
        }
        for run in self.runs(kinds, "--hang", "5"):
            self.assertEqual(run.status, kernel_test.MACHINE_STOPPED)
            self.expect(run, kinds)
            self.assertIn("Runner.HoldsItsHart is over its limit", run.message("HoldsItsHart"))
            self.assertIn("hold_the_hart", run.output("HoldsItsHart"))

    def test_tests_that_may_run_beside_others(self):
        """They meet, though each waits for the other; the one that stops the machine is found."""
        kinds = {"MeetsAnother": "passed", "MeetsTheOther": "passed", "Passes": "passed"}
        for run in self.runs(kinds):
            self.assertEqual(run.status, kernel_test.ALL_WELL)
            self.expect(run, kinds)
        kinds = {"StopsTheMachineBesideOthers": "error", "Passes": "passed"}
        for run in self.runs(kinds):
            self.assertEqual(run.status, kernel_test.MACHINE_STOPPED)
            self.expect(run, kinds)

    def test_an_order_can_be_repeated(self):
        """By its seed, also over machines that stop; a seed of 0 is replaced and printed."""
        tests = ["Passes", "Leaks", "Fails", "LeaksWithAReason", "StopsTheMachine", "ExpectsAPanic"]
        orders = [list(Run(tests, "--shuffle", str(seed)).cases) for seed in (1, 1, 2, 3, 4)]
        self.assertEqual(orders[0], orders[1])
        self.assertGreater(len({tuple(order) for order in orders}), 1)
        for order in orders:
            self.assertEqual(sorted(order), sorted(tests))
        any_order = Run(tests, "--shuffle", "0")
        seed = any_order.xml.find(".//property[@name='seed']").get("value")
        self.assertNotEqual(int(seed), 0)
        self.assertEqual(list(any_order.cases), list(Run(tests, "--shuffle", seed).cases))


if __name__ == "__main__":
    unittest.main(verbosity=2)
