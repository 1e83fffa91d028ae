# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs the kernel test image: `kernel_test.py BUILD_DIRECTORY [--smp N] [--memory SIZE]
[--cpu MODEL] [--append BOOTARG]... [--dies-with LINE] [--says LINE]
[FILTER]`. Shows the console; ends with the machine's status. With `--dies-with` the kernel must stop
by itself, and LINE be on the console; with `--says` LINE must be there once."""

import glob
import os
import sys

from . import batch

KERNEL_STOPPED = 125


def main(words):
    """Returns 0 when all tests passed."""
    build, words = words[0], words[1:]
    smp, memory, bootargs, extra, last_words, line = 1, "128M", [], [], None, None
    while words and words[0].startswith("--"):
        option, value = words[0], words[1]
        words = words[2:]
        if option == "--smp":
            smp = int(value)
        elif option == "--memory":
            memory = value
        elif option == "--append":
            bootargs.append(value)
        elif option == "--cpu":
            extra += ["-cpu", value]
        elif option == "--dies-with":
            last_words = value
        elif option == "--says":
            line = value
        else:
            raise SystemExit(f"unknown option {option}")
    if words:
        bootargs.append(f"tests={words[0]}")
    programs = glob.glob(f"{build}/demos/*.wasm") + glob.glob(f"{build}/guests/*.wasm")
    with batch.archive_with(programs) as initrd:
        result = batch.run(
            os.path.join(build, "quoll-test.img"),
            smp=smp,
            memory=memory,
            bootargs=bootargs,
            initrd=initrd.name,
            extra=extra,
        )
    print(result.console)
    if result.status is None:
        print("the machine did not end and was stopped")
        return 1
    if last_words is not None:
        if result.status != KERNEL_STOPPED:
            print(f"the machine ended with {result.status} instead of {KERNEL_STOPPED}")
            return 1
        if last_words not in result.console:
            print(f"the console lacks: {last_words}")
            return 1
        return 0
    if line is not None and result.console.count(line) != 1:
        print(f"the console does not say once: {line}")
        return 1
    return result.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
