# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The engine on the workstation, beside others: `bench_engine_host.py BUILD_DIRECTORY --validate
[MODULE...] [--limits]` or `--host [PROGRAM...] [--peer NAME=PATH]...`.

Times. Each round has every participant's turn, one after the other, so that what disturbs the
machine disturbs all; what is said are medians of the rounds, and of the rounds' ratios to ours."""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import bench

USAGE = """usage: tools/bench engine --validate [MODULE]... [--seed S] [--limits]
       tools/bench engine --host [PROGRAM]... [--peer NAME=PATH]..."""
OURS, MUST = "quoll", "wabt"
ROUNDS = 15
# How long a participant's turn takes at least, and how often it validates a module at most.
TURN_NS = 50_000_000
MOST_TIMES = 10_000
PATIENCE_S = 300
# Published modules worth reading, the biggest first, and random bytes to make modules of.
PUBLISHED = 4
RANDOM_BYTES = {"random-small": 400_000, "random": 4_000_000}
FEATURES = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "simd",
            "multivalue"]
# The smallest program: what it takes is start-up.
NOTHING = (b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01"
           b"\x07\x13\x02\x06_start\0\0\x06memory\x02\0\x0a\x04\x01\x02\0\x0b")


class Unknown(Exception):
    """Names on the command line that are not there."""


def script(name):
    """A script beside the benchmarks' sources."""
    return os.path.join(bench.FOLDER, "engine", name)


def output(words):
    """What a command prints."""
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace")
        raise bench.BenchError(f"{' '.join(words)}: status {done.returncode}\n{said}")
    # A picture is no text, and nobody reads it.
    return done.stdout.decode(errors="replace")


def compare(measures, rounds=ROUNDS):
    """{who: (median, median of the ratios to ours)} of {who: function that measures once}."""
    samples = {who: [] for who in measures}
    for _ in range(rounds):
        for who, measure in measures.items():
            samples[who].append(measure())
    return {
        who: (
            statistics.median(values),
            statistics.median(value / ours for value, ours in zip(values, samples[OURS])),
        )
        for who, values in samples.items()
    }


# Validation.


def validators(build):
    """{who: the command that takes a module and how often}."""
    programs = os.path.join(build, "bench/engine")
    node = ["node", script("validate.mjs")]
    return {
        OURS: [os.path.join(programs, "bench_validate_quoll")],
        MUST: [os.path.join(programs, "bench_validate_wabt")],
        "node": node,
        "node, one thread": [node[0], "--single-threaded", node[1]],
    }


def validation(command, path):
    """A function that gives the nanoseconds of one validation of the module."""
    once = int(output([*command, path, "1"]))
    times = str(min(MOST_TIMES, TURN_NS // max(once, 1) + 1))
    return lambda: int(output([*command, path, times]))


def random_module(seed, size, path):
    """Writes a module that binaryen makes of so many random bytes."""
    source = path + ".bytes"
    with open(source, "wb") as out:
        out.write(random.Random(f"{seed} {size}").randbytes(size))
    enabled = [f"--enable-{feature}" for feature in FEATURES]
    output(["wasm-opt", "-ttf", "--mvp-features", *enabled, source, "-o", path])


def modules(folder, guests, seed):
    """{name: path} of what there is to validate."""
    found = {}
    if os.path.isdir(guests):
        names = sorted(name for name in os.listdir(guests) if name.endswith(".wasm"))
        names.sort(key=lambda name: -os.path.getsize(os.path.join(guests, name)))
        found = {name[:-5]: os.path.join(guests, name) for name in names[:PUBLISHED]}
    for name, size in RANDOM_BYTES.items():
        found[name] = os.path.join(folder, name + ".wasm")
        random_module(seed, size, found[name])
    return found


def show_validation(build, chosen):
    """Prints megabytes a second for {name: path}; returns the modules with which wabt is faster."""
    slower, who = [], validators(build)
    print(f"{'MB/s':16} {'bytes':>9} {OURS:>8}   others, and how many times their time is ours")
    for name, path in chosen.items():
        size = os.path.getsize(path)
        found = compare({each: validation(command, path) for each, command in who.items()})
        others = [
            f"{each}: {size * 1e3 / found[each][0]:.1f} ({found[each][1]:.2f})"
            for each in who
            if each != OURS
        ]
        speed = size * 1e3 / found[OURS][0]
        print(f"{name:16} {size:9} {speed:8.1f}   {'   '.join(others)}", flush=True)
        if found[MUST][1] <= 1:
            slower.append(f"{name}: {MUST} is faster")
    return slower


# Programs.


def runners(build, peers):
    """{who: the command in front of a module and its arguments}."""
    own = {
        OURS: [os.path.join(build, "tests/wasi/quoll-host-run")],
        "node": ["node", "--no-warnings", script("run.mjs")],
        "node, baseline": ["node", "--no-warnings", "--liftoff-only", script("run.mjs")],
    }
    return own | {who: [path] for who, path in peers.items()}


def running(command, words):
    """A function that gives the milliseconds of a whole process."""

    def measure():
        begin = time.perf_counter()
        output([*command, *words])
        return (time.perf_counter() - begin) * 1e3

    return measure


def show_programs(build, chosen, peers):
    """Prints the times of {name: words}, the module's path first."""
    who = runners(build, peers)
    print(f"{'milliseconds':16} {OURS:>8}   others, and how many times their time is ours")
    for name, words in chosen.items():
        found = compare({each: running(command, words) for each, command in who.items()})
        others = [
            f"{each}: {found[each][0]:.1f} ({found[each][1]:.2f})" for each in who if each != OURS
        ]
        print(f"{name:16} {found[OURS][0]:8.1f}   {'   '.join(others)}", flush=True)


# The command line.


def parse(words):
    """(flags, values of options, names)."""
    flags, options, names = set(), {"--peer": [], "--seed": []}, []
    rest = iter(words)
    for word in rest:
        if word in options:
            options[word].append(next(rest, ""))
        elif word.startswith("-"):
            flags.add(word)
        else:
            names.append(word)
    return flags, options, names


def choose(found, names):
    """Those that are named, or all."""
    unknown = set(names) - set(found)
    if unknown:
        raise Unknown(" ".join(sorted(unknown)))
    return {name: found[name] for name in names} if names else found


def validate(build, guests, options, names, folder):
    """Returns the modules with which wabt is faster."""
    seeds = options["--seed"] or [str(int.from_bytes(os.urandom(4), "little"))]
    print(f"seed {seeds[-1]}")
    return show_validation(build, choose(modules(folder, guests, seeds[-1]), names))


def run_programs(build, guests, options, names, folder):
    """Programs as bench/engine_peers.json has them, and one that does nothing."""
    peers = dict(each.partition("=")[::2] for each in options["--peer"])
    missing = [who for who, path in peers.items() if shutil.which(path) is None]
    if missing:
        raise Unknown(" ".join(missing))
    path = os.path.join(folder, "nothing.wasm")
    with open(path, "wb") as out:
        out.write(NOTHING)
    found = {"nothing": [path]}
    with open(os.path.join(bench.FOLDER, "engine_peers.json"), encoding="utf-8") as text:
        rows = json.load(text)["programs"]
    for name, row in rows.items() if os.path.isdir(guests) else ():
        module, *arguments = row["run"].split()
        found[name] = [os.path.join(guests, module), *arguments]
    show_programs(build, choose(found, names), peers)


def main(words):
    """Returns 1 when --limits finds that wabt is faster."""
    build = words[0]
    flags, options, names = parse(words[1:])
    validating = "--validate" in flags
    allowed = {"--validate", "--limits"} if validating else {"--host"}
    if flags - allowed or options["--seed" if not validating else "--peer"]:
        print(USAGE)
        return 2
    guests = os.path.join(os.environ.get("QUOLL_SHARED_DIR", ""), "guests", "bin")
    if not os.path.isdir(guests):
        print(f"no published programs in {guests} (QUOLL_SHARED_DIR names their folder)")
    slower = []
    try:
        with tempfile.TemporaryDirectory(prefix="quoll-") as folder:
            if validating:
                slower = validate(build, guests, options, names, folder)
                print("\n".join(slower) or f"quoll: ahead of {MUST} with each module")
            else:
                run_programs(build, guests, options, names, folder)
    except Unknown as error:
        print(f"quoll: bench engine does not know {error}\n{USAGE}")
        return 2
    except bench.BenchError as error:
        print(f"quoll: no numbers from {error}")
        return 1
    return 1 if slower and "--limits" in flags else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
