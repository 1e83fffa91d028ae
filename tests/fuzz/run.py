# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs a fuzzer: `run.py PROGRAM CORPUS FOLDER SECONDS`.

What it finds of interest is kept in FOLDER and is where the next run goes on; CORPUS is what a fresh
clone begins with. QUOLL_FUZZ_SECONDS in the environment takes the place of SECONDS. libFuzzer prints
its seed; an input that breaks something is written to FOLDER/broken, and `PROGRAM FILE` repeats it."""

import os
import subprocess
import sys


def main(words):
    """Returns what the fuzzer ended with."""
    program, corpus, folder, seconds = words
    seconds = os.environ.get("QUOLL_FUZZ_SECONDS", seconds)
    found, broken = os.path.join(folder, "found"), os.path.join(folder, "broken", "")
    os.makedirs(found, exist_ok=True)
    os.makedirs(broken, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048"]
    command += ["-max_len=8192", "-print_final_stats=1", f"-artifact_prefix={broken}"]
    return subprocess.run([*command, found, corpus], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
