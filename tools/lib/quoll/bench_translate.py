# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What reading, checking and translating a module costs as it grows: `bench_translate.py
BUILD_DIRECTORY --translate [SHAPE]...`.

Each shape of tests/translation is made in four sizes, each twice the one before. Instructions are
counted on the workstation, under valgrind, which no other load of the machine changes; bytes are the
most that the engine had allocated at once, beside the module itself. The hash is that of the code; each
size is translated in three processes, and every time it must be the same."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from . import bench

USAGE = "usage: tools/bench engine --translate [SHAPE]..."
PROGRAM = "tests/translation/translation_shapes"
COLLECTED = re.compile(r"Collected : ([0-9]+)")
# What the program calls the parts of the work.
PARTS = {"decode": "quoll_measured_decode", "translate": "quoll_measured_translate"}
SIZES = (8, 4, 2, 1)
# The most that the largest may cost beyond a quarter of it, for each byte of the module: a list that
# grows by half lies beside its old self, and what is looked up takes the logarithm. An eighth may
# still have frames that do with one pass.
MOST = {"instructions": 1.25, "bytes": 2.5}


@dataclass
class Measurement:
    """What one module took, in all."""

    size: int
    instructions: dict
    bytes: dict
    hash: str


def run(words):
    """Its output and what it says beside."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode != 0:
        raise bench.BenchError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr}")
    return done.stdout, done.stderr


def shapes(build):
    """{name: (units of the largest, what a unit is)}."""
    lines = run([os.path.join(build, PROGRAM)])[0].splitlines()
    rows = (line.split("\t") for line in lines)
    return {name: (int(full), unit) for name, full, unit in rows}


def measure(build, shape, units):
    """Takes the counts of a shape in one size."""
    words = [os.path.join(build, PROGRAM), shape, str(units)]
    said = run(words)[0]
    size, decode, translate, number = said.split()
    instructions = {}
    for part, function in PARTS.items():
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                f"--toggle-collect={function}"]
        again, counted = run([*tool, *words])
        if again != said:
            raise bench.BenchError(f"{shape} {units}: once {said.strip()}, once {again.strip()}")
        match = COLLECTED.search(counted)
        if match is None:
            raise bench.BenchError(f"{' '.join(words)}:\n{counted}")
        instructions[part] = int(match[1])
    taken = {"decode": int(decode), "translate": int(translate)}
    return Measurement(int(size), instructions, taken, number)


def complaints(shape, found):
    """What grows by more than the module does, from a quarter of the largest of `found` to that."""
    said = []
    first, last = found[-3], found[-1]
    for what, most in MOST.items():
        for part in PARTS:
            before = getattr(first, what)[part] / first.size
            after = getattr(last, what)[part] / last.size
            if after > most * before:
                said.append(f"{shape}: {part} takes {before:.1f} {what} for each byte of the module, "
                            f"and {after:.1f} when it is larger")
    return said


def main(words):
    """Returns 1 when something is not linear, or not the same each time."""
    build, *names = [word for word in words if word != "--translate"]
    try:
        known = shapes(build)
        unknown = set(names) - set(known)
        if unknown:
            print(f"quoll: bench engine --translate does not know {' '.join(sorted(unknown))}\n{USAGE}")
            return 2
        said = []
        print(f"{'for each byte of the module':29} {'':>9} {'instructions':>19} {'bytes':>15}")
        print(f"{'shape':14} {'units':>8} {'bytes':>15} {'decode':>9} {'translate':>9} "
              f"{'decode':>7} {'translate':>9}  hash")
        for name in names or known:
            full, _ = known[name]
            found = []
            for divisor in SIZES:
                units = full // divisor
                row = measure(build, name, units)
                found.append(row)
                print(f"{name:14} {units:8} {row.size:15} "
                      f"{row.instructions['decode'] / row.size:9.1f} "
                      f"{row.instructions['translate'] / row.size:9.1f} "
                      f"{row.bytes['decode'] / row.size:7.1f} "
                      f"{row.bytes['translate'] / row.size:9.1f}  {row.hash}", flush=True)
            said += complaints(name, found)
    except bench.BenchError as error:
        print(f"quoll: no numbers from {error}")
        return 1
    print("\n".join(said) or "quoll: in proportion to the module, and the same each time")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
