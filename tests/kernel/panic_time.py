#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How soon a report speaks: on a machine whose clock counts instructions (one for each nanosecond)
its first line is out within 1 ms and its backtrace within 10. `panic_time.py BUILD_DIRECTORY`."""

import os
import re
import sys

from quoll import batch, counted

FIRST_LINE_US = 1_000
BACKTRACE_US = 10_000
# Of what the emergency stack holds (16 KiB) a report leaves an eighth: inlined frames may become
# deeper, and a trap in the report needs room for its own frame.
EMERGENCY_STACK_BYTES = 14_336

# The tests and how many reports each makes: contained, from a fault, on the emergency stack, through
# a trap's frame, and one panic that becomes another.
REPORTS = {
    "Failures.PanicAcrossAwaits": 1,
    "Failures.NullRead": 1,
    "Failures.StackOverflow": 1,
    "Failures.PanicInInterrupt": 1,
    "Failures.PanicInNoexcept": 2,
}
TIMES = re.compile(r"first line after (\d+) us, backtrace after (\d+) us")
DEPTH = re.compile(r"(\d+) bytes of the emergency stack were used")


def check(build, name, reports):
    """What is wrong with the reports of one test."""
    with batch.archive_with([]) as initrd:
        result = batch.run(
            os.path.join(build, "quoll-test.img"),
            bootargs=[f"tests={name}"],
            initrd=initrd.name,
            extra=counted.EXACT,
            timeout_s=120,
        )
    times = [(int(first), int(trace)) for first, trace in TIMES.findall(result.console)]
    depths = [int(depth) for depth in DEPTH.findall(result.console)]
    print(f"{name}: {times} us, emergency stack {depths}")
    wrong = []
    if len(times) != reports:
        wrong.append(f"{len(times)} reports instead of {reports}\n{result.console[-3000:]}")
    if any(first > FIRST_LINE_US or trace > BACKTRACE_US for first, trace in times):
        wrong.append(f"later than {FIRST_LINE_US} and {BACKTRACE_US} us")
    if any(depth > EMERGENCY_STACK_BYTES for depth in depths):
        wrong.append(f"more than {EMERGENCY_STACK_BYTES} bytes deep")
    return [f"{name}: {what}" for what in wrong]


def main(build):
    """Returns 0 when all reports were in time."""
    wrong = [what for name, reports in REPORTS.items() for what in check(build, name, reports)]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
