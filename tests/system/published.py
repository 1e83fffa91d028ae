# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs that nobody here wrote, with recorded output: published.py [options of tools/run]."""

import os
import sys

import support

FILES = os.path.join(support.SHARED, "guests")
FOLDER = os.path.join(FILES, "dir")

# (name of the expected output, options, words). The comparison is byte for byte, but for
# CoreMark: beside its checksums it prints timing.
PROGRAMS = (
    ("mandel.out", [], ["mandel.wasm", "32", "1e3"]),
    ("smallpt.out", [], ["smallpt.wasm", "1", "8"]),
    ("binary_trees.out", [], ["binary_trees.wasm", "8"]),
    ("fannkuch.out", [], ["fannkuch_redux.wasm", "7"]),
    ("fasta.out", [], ["fasta.wasm", "1000"]),
    ("nbody.out", [], ["nbody.wasm", "2000"]),
    ("coremark.crc", [], ["coremark.wasm", *"0x0 0x0 0x66 200 7 1 2000".split()]),
    ("cat-zig.out", ["--dir", FOLDER + "::/"], ["cat-zig.wasm", "data.txt"]),
    ("cat-rust.out", ["--dir", FOLDER + "::/d"], ["cat-rust.wasm", "/d/data.txt"]),
    ("cat-tinygo.out", ["--dir", FOLDER + "::/d"], ["cat-tinygo.wasm", "/d/data.txt"]),
)
MACHINE = sys.argv[1:]


class PublishedPrograms(support.SystemTest):
    def check(self, expected, options, words):
        program = os.path.join(FILES, "bin", words[0])
        outcome = support.run(*MACHINE, *options, program, *words[1:])
        with open(os.path.join(FILES, "expected", expected), "rb") as recorded:
            wanted = recorded.read()
        if expected.endswith(".crc"):
            lines = outcome.out.splitlines(keepends=True)
            outcome.out = b"".join(line for line in lines if b"crc" in line.split(b":")[0])
            lines = outcome.out.splitlines(keepends=True)
            outcome.out = b"".join(line for line in lines if line in wanted.splitlines(True))
        self.expect(outcome, 0, wanted)


def _test(row):
    return lambda self: self.check(*row)


for _row in PROGRAMS:
    setattr(PublishedPrograms, "test_" + _row[2][0].removesuffix(".wasm"), _test(_row))

if __name__ == "__main__":
    if not os.path.isdir(os.path.join(FILES, "bin")):
        support.skip(f"no programs in {FILES}")
    sys.argv[1:] = []
    support.main()
