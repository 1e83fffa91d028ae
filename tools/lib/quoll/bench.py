# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Counts instructions: `bench.py BUILD_DIRECTORY [GROUP...] [--check|--update]`.

Every number is a difference of retired instructions inside the guest, on a machine whose clock is
the instruction count, so that it is the same on every host and in every run. The kernel does the
measuring, asked by the bootarg `bench=GROUP`, and prints lines `bench: <group>.<name> <count>`.
"""

import json
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field

from . import batch, interrupts_off
from .archive import Archive
from .boot import run_description
from .counted import EXACT

FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../bench"))
LINE = re.compile(r"bench: ([a-z]+\.[a-z0-9_.]+) ([0-9]+)\s*$", re.MULTILINE)
USAGE = (
    "usage: tools/bench [boot|syscall|fault|memory|exec|interrupts|lock|programs|log|trace]... "
    "[--check|--limits|--update]"
)


@dataclass
class Row:
    """One run of a group; `suffix` marks its numbers. `program` or the kernel's `test` runs, with
    further `bootargs`. `bench` is what the kernel is asked for when that is not the group, and
    `take` what its numbers are called here when they are not named after the group."""

    suffix: str = ""
    smp: int = 1
    memory: str = "128M"
    image: str = "quoll.img"
    program: list = field(default_factory=list)
    test: str = ""
    bench: str = ""
    bootargs: list = field(default_factory=list)
    take: dict = field(default_factory=dict)


def traced(kind, state):
    """A guest that makes 100,000 system calls of a kind, with the trace on or off."""
    return Row(
        f".{kind}.{state}",
        program=["calls", kind, "100000"],
        bench="programs",
        bootargs=[f"trace={state}"],
        take={"programs.all": "trace.calls"},
    )



GROUPS = {
    "boot": [Row(program=["hello"]), Row("@4", smp=4, program=["hello"], bench="harts")],
    "syscall": [Row(image="quoll-test.img", test="Counts.Call")],
    "fault": [Row(image="quoll-test.img", test="Counts.MinorFault")],
    "memory": [
        *(
            Row(image="quoll-test.img", test=f"Counts.{test}")
            for test in (
                "Frames", "Heap", "Cursors", "Spaces", "Regions", "RandomPlaces", "ObjectFaults",
                "Clones", "OneFenceForEachCommit", "MemoryGrow",
            )
        ),
        Row(image="quoll-test.img", test="Counts.FramesInit", memory="4G"),
        Row(image="quoll-test.img", test="Counts.Call", bench="syscall",
            take={"syscall.empty": "memory.syscall.empty"}),
        Row(image="quoll-test.img", test="Counts.MinorFault", bench="fault",
            take={"fault.minor": "memory.fault.minor",
                  "fault.sequential": "memory.fault.sequential"}),
    ],
    "exec": [
        Row(image="quoll-test.img", test=f"Counts.{test}")
        for test in ("SpawnAndJoin", "Switch", "Wake", "Steal", "Timers")
    ],
    "interrupts": [
        Row(image="quoll-test.img", test=f"Counts.{test}") for test in ("Ipi", "DeviceToTask")
    ],
    "lock": [Row(image="quoll-test.img", test="Counts.LockPair")],
    "programs": [
        Row(".hello", program=["hello"]),
        Row(".primes", program=["primes", "2000"]),
        Row(".mandelbrot", program=["mandelbrot"]),
    ],
    "log": [Row(image="quoll-test.img", test="Log.Costs")],
    "trace": [
        Row(image="quoll-test.img", test="Trace.Costs"),
        *(traced(kind, state) for kind in ("yield", "stat", "random") for state in ("off", "on")),
    ],
}


# What is not told by the kernel, but seen from outside.
PROBES = {"interrupts": interrupts_off.numbers}


class BenchError(Exception):
    """A run that gave no numbers."""


def program_file(build, name):
    """A program of the demonstrations, or else of the tests."""
    demonstration = os.path.join(build, "demos", f"{name}.wasm")
    if os.path.exists(demonstration):
        return demonstration
    return os.path.join(build, "guests", f"{name}.wasm")


def derived(found):
    """What follows from the numbers: how much more each guest takes when it is traced, in parts of
    a thousand."""
    more = {}
    for name, off in found.items():
        if name.startswith("trace.calls.") and name.endswith(".off"):
            kind = name.split(".")[2]
            on = found[f"trace.calls.{kind}.on"]
            more[f"trace.permille.{kind}"] = -(-1000 * (on - off) // off)
    return more


def measure(build, group, row):
    """{name: count} of one run."""
    with tempfile.NamedTemporaryFile(prefix="quoll-", suffix=".cpio") as out:
        archive = Archive(out)
        if row.program:
            name, *arguments = row.program
            archive.add_file(f"bin/{name}.wasm", program_file(build, name))
            archive.add_bytes("quoll/run", run_description(f"{name}.wasm", arguments, [], []))
        archive.finish()
        out.flush()
        result = batch.run(
            os.path.join(build, row.image),
            smp=row.smp,
            memory=row.memory,
            bootargs=[
                f"bench={row.bench or group}",
                "placement=lowest",
                *([f"tests={row.test}"] if row.test else []),
                *row.bootargs,
            ],
            initrd=out.name,
            extra=EXACT,
        )
    found = {}
    for name, count in LINE.findall(result.console):
        name = row.take.get(name, name)
        if name.startswith(group + "."):
            found[name + row.suffix] = int(count)
    if not found or result.status != 0:
        tail = "\n".join(result.console.splitlines()[-15:])
        raise BenchError(f"{group}{row.suffix}: status {result.status}\n{tail}")
    return found


def read(path):
    """A JSON file, or nothing when there is none."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as text:
        return json.load(text)


def write(path, counts):
    """The baseline, with a line for each number."""
    with open(path, "w", encoding="utf-8") as out:
        json.dump(dict(sorted(counts.items())), out, indent=2)
        out.write("\n")


def show(found, baseline, targets):
    """Prints the table; returns what differs, and what exceeds its limit."""
    complaints = []
    exceeded = []
    print(f"{'what':34} {'count':>12} {'baseline':>12} {'moved':>9} {'must':>11} {'stretch':>11}")
    for name, count in found.items():
        before = baseline.get(name)
        moved = "new" if before is None else "" if before == count else f"{count - before:+}"
        target = targets.get(name, {})
        must, stretch = target.get("must"), target.get("stretch")
        print(
            f"{name:34} {count:12} {'' if before is None else before:>12} {moved:>9} "
            f"{'' if must is None else must:>11} {'' if stretch is None else stretch:>11}"
        )
        if moved:
            complaints.append(f"{name}: {count}, the baseline says {before}")
        if must is not None and count > must:
            exceeded.append(f"{name}: {count} is more than the {must} that it must not exceed")
    return complaints, exceeded


def main(words, folder=FOLDER):
    """Returns 1 when --check finds a difference or a missed target, or --limits (which holds
    with every compiler) a missed target. `folder` holds the baseline
    and the targets."""
    build = words[0]
    flags = {word for word in words[1:] if word.startswith("-")}
    groups = [word for word in words[1:] if not word.startswith("-")] or list(GROUPS)
    unknown = (flags - {"--check", "--limits", "--update"}) | (set(groups) - set(GROUPS))
    if unknown or len(flags) > 1:
        print(f"quoll: bench does not know {' '.join(sorted(unknown or flags))}\n{USAGE}")
        return 2
    baseline_path = os.path.join(folder, "baseline.json")
    baseline = read(baseline_path)
    found = {}
    try:
        for group in groups:
            for row in GROUPS[group]:
                found |= measure(build, group, row)
            if group in PROBES:
                found |= PROBES[group](build)
    except (BenchError, interrupts_off.ProbeError) as error:
        print(f"quoll: no numbers from {error}")
        return 1
    found |= derived(found)
    complaints, exceeded = show(found, baseline, read(os.path.join(folder, "targets.json")))
    gone = [n for n in baseline if n.split(".")[0] in groups and n not in found]
    complaints += [f"{name}: in the baseline, but not measured" for name in gone]
    if "--update" in flags:
        kept = {n: c for n, c in baseline.items() if n.split(".")[0] not in groups}
        write(baseline_path, kept | found)
        print(f"quoll: {len(found)} numbers written to bench/baseline.json")
    elif "--limits" in flags and exceeded:
        print("\n".join(exceeded))
        return 1
    elif "--check" in flags and complaints + exceeded:
        print("\n".join(complaints + exceeded))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
