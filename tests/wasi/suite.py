# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The WASI test suite, preview 1, on the workstation: suite.py RUNNER ARCHIVE WORK [NAME...].

suite.tsv says of each program whether it passes, and of those that do not, what they complain of
and why. A program that does otherwise, one that is missing and one that is not listed all fail the
test: the list changes with the code, in the same commit.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77
SUITES = ("c", "rust", "assemblyscript")
TIMEOUT_S = 60
LISTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suite.tsv")


def read_list():
    """Name of a program -> what it complains of and why, or None if it passes."""
    rows = {}
    with open(LISTED, encoding="utf-8") as table:
        for line in table:
            if line.startswith("#"):
                continue
            name, verdict, *refusal = line.rstrip("\n").split("\t")
            assert (verdict, len(refusal)) in (("pass", 0), ("refused", 2)), f"{LISTED}: {line}"
            rows[name] = refusal or None
    return rows


def fault_of(listed, wrong):
    """What is to be said of a program that is `listed` so and of which this was `wrong`, or ""."""
    if listed is None:
        return f"should pass; {wrong}" if wrong else ""
    complaint, reason = listed
    if not wrong:
        return f"passes, though listed: {reason}"
    return "" if complaint in wrong else f"should complain of {complaint!r}; {wrong}"


def read_settings(program):
    """What stands beside a program about how it is run."""
    path = program.removesuffix(".wasm") + ".json"
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as settings:
        return json.load(settings)


def run(runner, program, copy):
    """Runs one program beside a fresh copy of its directories; returns what was wrong, or ""."""
    settings = read_settings(program)
    words = [runner]
    for name in settings.get("dirs", []):
        shutil.copytree(os.path.join(os.path.dirname(program), name), os.path.join(copy, name))
        words += ["--dir", os.path.join(copy, name) + "::" + name]
    if "root" in settings:
        root = os.path.join(copy, settings["root"])
        shutil.copytree(os.path.join(os.path.dirname(program), settings["root"]), root)
        words += ["--dir", root + "::/"]
    for key, value in settings.get("env", {}).items():
        words += ["--env", f"{key}={value}"]
    words += [program, *settings.get("args", [])]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {TIMEOUT_S} s"
    complaint = done.stderr.decode(errors="replace").strip()
    wanted = settings.get("exit_code", 0)
    if done.returncode != wanted:
        return f"status {done.returncode}, not {wanted}: {complaint[:2000]}"
    if done.stdout != settings.get("stdout", "").encode() and "stdout" in settings:
        return f"printed {done.stdout[-200:]!r}"
    return ""


def main():
    runner, archive, work, *only = sys.argv[1:]
    if not os.path.exists(archive):
        print(f"skipped: {archive} is missing")
        return SKIPPED
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    subprocess.run(["cmake", "-E", "tar", "xf", archive], cwd=work, check=True)
    programs = {}
    for suite in SUITES:
        for name in sorted(os.listdir(os.path.join(work, suite))):
            if name.endswith(".wasm"):
                programs[f"{suite}/{name.removesuffix('.wasm')}"] = os.path.join(work, suite, name)
    listed = read_list()
    faults = [f"{name}: listed, but not in the suite" for name in listed if name not in programs]

    def check(name):
        with tempfile.TemporaryDirectory() as copy:
            return name, run(runner, programs[name], copy)

    passed = 0
    names = [name for name in programs if not only or name in only]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, wrong in pool.map(check, names):
            passed += not wrong
            fault = "is not listed" if name not in listed else fault_of(listed[name], wrong)
            if fault:
                faults.append(f"{name}: {fault}")
            if only:
                print(f"{name}: {wrong or 'passes'}")
    print(f"{passed} of {len(names)} programs pass")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
