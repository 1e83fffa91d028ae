# SPDX-License-Identifier: Apache-2.0 OR MIT
"""backtrace_table.py BUILD_DIRECTORY: a damaged table of symbols costs names and nothing else, and a
backtrace few instructions."""

import os
import random
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
from quoll import batch  # noqa: E402

TEST = "Failures.NullCall"
FRAME = re.compile(r"^ +(\d+) .+$", re.MULTILINE)
STOPPED = 125
HEADER_SIZE = 48
DAMAGED_TABLES = 4


def damages(table, seed):
    """(what, table) for each damage; the first one is none."""
    yield "none", table
    yield "zeros", bytes(len(table))
    generator = random.Random(seed)
    for number in range(DAMAGED_TABLES):
        broken = bytearray(table)
        for _ in range(len(table) // 50):
            at = generator.randrange(HEADER_SIZE, len(table))
            broken[at] = generator.randrange(256)
        yield f"random {number}", bytes(broken)


def backtrace(console):
    """The lines between the head of the backtrace and whatever is not indented as it is."""
    _, _, rest = console.partition("backtrace (")
    return FRAME.findall(rest)


def costs_little(build):
    """Whether the tests that count pass on a machine that does."""
    result = batch.run(f"{build}/quoll-test.img", smp=1, memory="128M",
                       bootargs=["bench=backtrace", "tests=Backtrace.*"],
                       extra=["-icount", "shift=0"])
    figures = re.findall(r"^a backtrace of .*$", result.console, re.MULTILINE)
    print("\n".join(figures))
    if result.status == 0 and figures:
        return True
    print(result.console)
    return False


def main(build):
    """Returns 0 when every machine has said all that it knows."""
    with open(f"{build}/quoll-test.img", "rb") as file:
        image = file.read()
    with open(f"{build}/quoll-test.gsym", "rb") as file:
        table = file.read()
    at = image.find(table)
    if at < 0:
        print("the image has no such table")
        return 1
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    wrong = 0 if costs_little(build) else 1
    for what, broken in damages(table, seed):
        with tempfile.NamedTemporaryFile(suffix=".img") as file:
            file.write(image[:at] + broken + image[at + len(table) :])
            file.flush()
            result = batch.run(file.name, smp=1, memory="128M", bootargs=[f"tests={TEST}"])
        frames = len(backtrace(result.console))
        named = "call_null" in result.console
        good = (result.status == STOPPED and frames >= 4 and "awaited by:" in result.console
                and "panic while panicking" not in result.console)
        if what == "none":
            good = good and named
        print(f"{what}: status {result.status}, {frames} numbered lines: {'ok' if good else 'BAD'}")
        if not good:
            print(result.console)
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
