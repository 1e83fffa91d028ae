# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Random bytes to a module that runs, with its caller. Everything depends on seed and number."""

import os
import random
import subprocess

from callers import make_caller
from prepare import prepare

FEATURES = ["--mvp-features", "--enable-mutable-globals", "--enable-sign-ext"]
FEATURES += ["--enable-nontrapping-float-to-int", "--enable-bulk-memory", "--enable-simd"]
FEATURES += ["--enable-multivalue"]
# With references the generator takes functions for external ones and uses types of functions: about
# one module in six is of 2.0. So every fourth number has them, the others do not.
REFERENCES = "--enable-reference-types"
# Others begin with a function for each instruction that computes; by itself the generator makes few
# with vectors.
INITIAL_NAME = "initial.wasm"
LEAST_BYTES, MOST_BYTES = 500, 24_000


class NotGenerated(Exception):
    """The generator ended with an error."""


def generate(folder, seed, number):
    """Writes NUMBER.bytes, .module.wasm and .caller.wasm into the folder, which has the initial
    module. Raises Beyond for what is not a module of 2.0."""
    dice = random.Random(f"{seed} {number}")
    source, made, module, caller = (
        os.path.join(folder, f"{number}.{end}")
        for end in ("bytes", "generated.wasm", "module.wasm", "caller.wasm")
    )
    with open(source, "wb") as out:
        out.write(dice.randbytes(dice.randrange(LEAST_BYTES, MOST_BYTES)))
    options = list(FEATURES)
    if number % 4 == 1:
        options.append("--initial-fuzz=" + os.path.join(folder, INITIAL_NAME))
    if number % 4 == 3:
        options.append(REFERENCES)
    command = ["wasm-opt", "-ttf", "--denan", *options, source, "-o", made]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise NotGenerated(done.stderr.decode(errors="replace"))
    with open(made, "rb") as file:
        prepared, interface = prepare(file.read())
    for path, content in ((module, prepared), (caller, make_caller(interface, dice))):
        with open(path, "wb") as out:
            out.write(content)
