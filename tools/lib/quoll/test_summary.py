# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The end of a test run: why each test failed, in a few lines, and how many did what.

    test_summary.py RESULTS SECONDS

RESULTS is CTest's JUnit file. A failed test may have printed thousands of lines, and a build server
often keeps only the last of all: those that say what went wrong are repeated here."""

import re
import sys
import xml.etree.ElementTree as ET

MAX_LINES = 6
MAX_COLUMNS = 200

# What a failed expectation, a stopped kernel, a compiler, a sanitizer or a Python test says of it.
TELLS = re.compile(
    r": expected |Failure$|FAILED|PANIC|FATAL|\berror: |Sanitizer: |^\w*Error: |: failed$"
    r"|\bhung\b|stopped with status|: differs"
)


def reasons(output):
    """The lines of a failed test's output that say why; its last ones if none does."""
    lines = [line.rstrip()[:MAX_COLUMNS] for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if TELLS.search(line)]
    return (telling[:MAX_LINES] if telling else lines[-MAX_LINES:]) or ["it printed nothing"]


def summary(suite, seconds):
    """The lines to print for CTest's `testsuite` element."""
    lines = []
    for case in suite.iter("testcase"):
        if case.get("status") != "fail":
            continue
        lines.append(f"{case.get('name')} failed:")
        lines += [f"    {line}" for line in reasons(case.findtext("system-out") or "")]
    total, failed, skipped = (int(suite.get(k, 0)) for k in ("tests", "failures", "skipped"))
    skipped += int(suite.get("disabled", 0))
    lines.append(
        f"quoll: {total - failed - skipped} passed, {failed} failed, {skipped} skipped "
        f"in {seconds} s, set-up and build included"
    )
    return lines


if __name__ == "__main__":
    print("\n".join(summary(ET.parse(sys.argv[1]).getroot(), sys.argv[2])))
