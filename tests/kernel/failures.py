# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The table of failures in docs/panic.md, provoked: failures.py BUILD_DIRECTORY [TEST...].

Every row has a test and every test of the suite `Failures` a row; what the row says and what the
test declares agree; and each machine says what its test declares. Tests that stop their machine
get one each, the others share one.
"""

import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import batch, expectation  # noqa: E402

TABLE = os.path.join(ROOT, "docs/panic.md")
SUITE = "Failures"
TIME_LIMIT_S = 60
MACHINES_AT_ONCE = max(2, os.cpu_count() or 1)

ROW = re.compile(r"^\| `Failures\.(\w+)` \|(.*)\|$")
QUOTED = re.compile(r"`([^`]*)`")
# Rows whose test needs the machine as it is shipped, and where that is.
BY_OTHERS = (("Wasm", "tests/system/guest_traps.py"),
             ("PanicInProgramMode", "tests/system/failures.py"))


class Row:
    """One row of the table."""

    def __init__(self, name, cells):
        self.name = name
        self.cause, self.outcome, first_line, function = (c.strip() for c in cells.split("|"))
        self.messages = QUOTED.findall(first_line)
        self.functions = [
            quoted + (expectation.INLINED if function[end:].startswith(expectation.INLINED) else "")
            for quoted, end in ((m.group(1), m.end()) for m in QUOTED.finditer(function))
        ]

    def differences(self, test):
        """How the test's declaration differs from this row."""
        wrong = []
        stopped = self.outcome.startswith("stopped")
        if stopped != (test.kind == "death"):
            wrong.append(f"the table says {self.outcome!r}, the test is of kind {test.kind}")
        declared = [report.message for report in test.reports] + test.prints
        names = [name for report in test.reports for name in report.names]
        wrong += [f"the table's first line {message!r} is not declared: {declared}"
                  for message in self.messages if message not in declared and not self.is_guests]
        wrong += [f"the table's function {name!r} is not declared: {names}"
                  for name in self.functions if name not in names]
        return wrong

    @property
    def is_guests(self):
        """Whether the first line is one of a guest's streams, which the test reads itself."""
        return self.outcome.startswith("guest ends")


def read_table():
    """The table's rows by test."""
    rows = {}
    with open(TABLE, encoding="utf-8") as table:
        for line in table:
            found = ROW.match(line.rstrip("\n"))
            if found:
                assert found.group(1) not in rows, f"{found.group(1)} has two rows"
                rows[found.group(1)] = Row(*found.groups())
    return rows


def tested_by_others(name):
    """The script that tests this row; None: the test image does."""
    return next((script for begin, script in BY_OTHERS if name.startswith(begin)), None)


def boot(build, harts, bootargs):
    """One machine with the test image."""
    return batch.run(os.path.join(build, "quoll-test.img"), smp=harts, bootargs=bootargs,
                     timeout_s=TIME_LIMIT_S)


def list_tests(build):
    """The suite as the image lists it, by name without the suite's."""
    tests = expectation.parse_list(boot(build, 1, ["tests.list"]).console)
    prefix = SUITE + "."
    return {name.removeprefix(prefix): test for name, test in tests.items()
            if name.startswith(prefix)}


def compare_with_table(tests):
    """Rows without tests, tests without rows, and rows that disagree with their test."""
    rows = read_table()
    wrong = [f"{name}: the table has no such row" for name in tests if name not in rows]
    for name, row in rows.items():
        script = tested_by_others(name)
        if script is not None:
            with open(os.path.join(ROOT, script), encoding="utf-8") as text:
                wrong += [] if name in text.read() else [f"{name}: not in {script}"]
        elif name not in tests:
            wrong.append(f"{name}: no such test")
        else:
            # In a build that does not check what the row is about, the test shows just that.
            unchecked = "checked build" in row.cause and tests[name].kind != "death"
            wrong += [] if unchecked else [f"{name}: {w}" for w in row.differences(tests[name])]
    return wrong


class Machine:
    """One boot, and the tests that run in it."""

    def __init__(self, tests, harts, bootargs=()):
        self.tests = tests
        self.harts = harts
        self.bootargs = list(bootargs)

    def run(self, build):
        """(test, what is wrong) of each test, and the console."""
        names = ",".join(test.name for test in self.tests)
        started = time.monotonic()
        result = boot(build, self.harts, [f"tests={names}", *self.bootargs])
        seconds = time.monotonic() - started
        rows = []
        for test in self.tests:
            wrong = expectation.check(test, result.console, result.status, self.harts)
            if result.status is None:
                wrong.append(f"the machine did not end within {TIME_LIMIT_S} s")
            elif test.kind != "death":
                passed = f"[       OK ] {test.name} "
                wrong += [] if passed in result.console else ["it did not pass"]
            rows.append((test, wrong))
        return self, rows, result.console, seconds

    def __str__(self):
        return f"{self.harts} hart{'s' if self.harts > 1 else ''}"


def plan(tests):
    """Machines for all tests. Those that need nothing special share one, on two harts and on one:
    a contained panic must leave both going."""
    machines, shared = [], []
    for test in tests:
        if test.kind == "usual" and not test.bootargs and test.harts in ([], [2]):
            shared.append(test)
        else:
            harts = test.harts or ([1] if test.kind == "death" else [4])
            machines += [Machine([test], count, test.bootargs) for count in harts]
    if shared:
        machines.insert(0, Machine([test for test in shared if not test.harts], 1))
        machines.insert(0, Machine(shared, 2))
    # What takes longest first.
    return sorted(machines, key=lambda machine: -len(machine.tests) - len(machine.bootargs))


def main(words):
    """Returns 0 when all is as the table says."""
    build, chosen = words[0], words[1:]
    tests = list_tests(build)
    if not tests:
        print("the image lists no tests of failures")
        return 1
    wrong = [] if chosen else compare_with_table(tests)
    for line in wrong:
        print(line)
    selected = [test for name, test in tests.items() if not chosen or name in chosen]
    failed = len(wrong)
    count = 0
    with ThreadPoolExecutor(MACHINES_AT_ONCE) as pool:
        for machine, rows, console, seconds in pool.map(lambda m: m.run(build), plan(selected)):
            for test, differences in rows:
                count += 1
                verdict = "FAILED" if differences else "ok"
                print(f"{verdict:6} {test.name} on {machine} ({seconds:.1f} s)", flush=True)
                for difference in differences:
                    print(f"       {difference}")
            if any(differences for _, differences in rows):
                failed += 1
                print(console[console.find("[ RUN ") :])
    print(f"{count} tests run, {failed} machines or rows not as the table says")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
