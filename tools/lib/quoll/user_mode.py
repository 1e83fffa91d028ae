# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a program costs as a process of Linux, in user-mode emulation: quoll-host-run, that is the
engine and the WASI of the guest runtime over POSIX.

Counts the whole process, from the C library's start to its end, as the counts of other engines do.
The program is there twice, for machines with Zba and Zbb and for those without; presets build it
beside the image. Linear memories are checked by instructions, as inside Quoll."""

import os
import shutil
import subprocess
import tempfile

from . import bench

QEMU = "qemu-riscv64"
# What the program's build directory is called, after the image's.
BUILDS = {"zb": "-linux-zb", "plain": "-linux"}
PATIENCE_S = 600


def runner(build, machine):
    """The program that runs a module, beside the image's build directory."""
    return os.path.join(build.rstrip("/") + BUILDS[machine], "tests/wasi/quoll-host-run")


def count(build, plugin, cpu, words, machine):
    """The instructions of a process that runs a module; words are its path and arguments."""
    emulator, program = shutil.which(QEMU) or QEMU, runner(build, machine)
    with tempfile.TemporaryDirectory(prefix="quoll-") as work:
        found = os.path.join(work, "found")
        # No environment: the C library reads all of it, and that would be counted.
        done = subprocess.run(
            [emulator, "-cpu", cpu, "-plugin", f"{plugin},out={found}", program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode != 0 or not os.path.exists(found):
            said = done.stderr.decode(errors="replace")
            raise bench.BenchError(f"{' '.join(words)}: status {done.returncode}\n{said}")
        with open(found, encoding="ascii") as text:
            return int(text.read())
