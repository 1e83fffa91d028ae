#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Each test that one of the lists names for a fault found elsewhere exists in the sources, and each
fault has one."""

import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
LISTS = ("docs/test-plan.md", "tests/unit/wasm/README.md")
HEADING = "## Faults found elsewhere"
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|K?TEST\w*)\((\w+), *(\w+)", re.MULTILINE)


def rows(plan):
    """(fault, tests) of the table behind the heading."""
    section = plan.split(HEADING, 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[1] != "fault" and not set(cells[0]) <= {"-"}:
            yield cells[1], re.findall(r"`([^`]+)`", cells[2])


def tests():
    """All names of tests in the sources."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "tests"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = set()
    for file in listed.splitlines():
        path = os.path.join(ROOT, file)
        if file.endswith(".cpp") and os.path.exists(path):
            with open(path, encoding="utf-8") as source:
                found |= {".".join(names) for names in TEST.findall(source.read())}
    return found


def main():
    """1 when a test is named that there is not, or none is."""
    known = tests()
    complaints = []
    for name in LISTS:
        with open(os.path.join(ROOT, name), encoding="utf-8") as plan:
            table = list(rows(plan.read()))
        if not table:
            complaints.append(f"{name}: the table of faults found elsewhere is gone")
        for fault, named in table:
            if not named:
                complaints.append(f"{name}: no test is named ({fault})")
            complaints += [f"{name}: no test {test} ({fault})" for test in named if test not in known]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
