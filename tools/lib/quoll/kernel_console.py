# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the kernel test runner says on the console, read back (kernel/tests/src/runner.cpp)."""

import re
from dataclasses import dataclass, field

RUN = re.compile(r"^\[ RUN      \] (\S+)$")
RESULT = re.compile(r"^\[ +(OK|FAILED) +\] (\S+) \((\d+) ms\)$")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$")
SHUFFLE = re.compile(r"^tests\.shuffle=(\d+)$")

PASSED, FAILED, STOPPED, HUNG = "passed", "failed", "stopped its machine", "hung"


@dataclass
class Case:
    """One test's run."""

    name: str
    outcome: str | None = None  # None: it has not ended
    seconds: float = 0.0
    output: list[str] = field(default_factory=list)

    @property
    def is_well(self):
        """Whether it passed."""
        return self.outcome == PASSED


@dataclass
class Console:
    """One machine's run."""

    cases: dict[str, Case] = field(default_factory=dict)  # in the order in which they began
    seed: str | None = None
    has_ended: bool = False  # the runner got to its summary

    @property
    def running(self):
        """The tests that have begun and not ended."""
        return [case for case in self.cases.values() if case.outcome is None]

    @property
    def last_begun(self):
        """The name of the test that began last."""
        return next(reversed(self.cases), None)


def parse(text):
    """Reads a console. A line belongs to all the tests that run when it comes."""
    console = Console()
    for line in text.splitlines():
        begins, ends = RUN.match(line), RESULT.match(line)
        seed = SHUFFLE.match(line)
        if begins:
            console.cases[begins.group(1)] = Case(begins.group(1))
        elif ends and ends.group(2) in console.cases:
            case = console.cases[ends.group(2)]
            case.outcome = PASSED if ends.group(1) == "OK" else FAILED
            case.seconds = int(ends.group(3)) / 1000
        elif SUMMARY.match(line) and not console.running:
            console.has_ended = True
        elif seed:
            console.seed = seed.group(1)
        else:
            for case in console.running:
                case.output.append(line)
    return console
