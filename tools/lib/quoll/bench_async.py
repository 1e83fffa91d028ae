# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What tasks cost on the workstation: `bench_async.py BUILD_DIRECTORY [ROW...] [--check|--update]`.

Times, beside libraries that others wrote: each round runs a row in every program, one after the
other, so that what disturbs the machine disturbs all; what is said of a row are medians of the
rounds, and of the rounds' ratios. Programs with one thread are also counted, on request: the
instructions and the allocations of one operation, under valgrind, which do not depend on what else
the machine does.
"""

import os
import re
import statistics
import subprocess
import sys

from . import bench

USAGE = "usage: tools/bench async [ROW]... [--check|--update|--quick]"
# Who takes part: a program, and what its rows' names begin with.
OURS = "quoll"
PROGRAMS = {
    OURS: ("bench_async_quoll", ""),
    "asio": ("bench_async_asio", ""),
    "asio, no locks": ("bench_async_asio", "unlocked."),
    "tbb": ("bench_async_tbb", ""),
    "tbb, blocking": ("bench_async_tbb", "queue."),
}
# How often the operation is done in each round: some ten milliseconds.
ROWS = {
    "spawn_join": 51200,
    "spawn_many": 51200,
    "spawn_many.2": 51200,
    "yield": 204800,
    "ping_pong": 51200,
    "ping_pong.2": 25600,
    "channel": 204800,
    "channel.2": 102400,
    "timer": 204800,
    "sleep_cancel": 51200,
}
ROUNDS = 21
QUICK_ROUNDS = 5
# Differences of two runs, the second with twice as many operations: what is done once cancels out.
COUNTED = 8192
INSTRUCTIONS = re.compile(r"Collected : ([0-9]+)")
ALLOCATIONS = re.compile(r"total heap usage: ([0-9,]+) allocs")


def program(build, who):
    """The path of a participant's program."""
    return os.path.join(build, "bench/async", PROGRAMS[who][0])


def run(words):
    """Its output and what it says beside."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise bench.BenchError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr}")
    return done.stdout, done.stderr


def participants(build, row):
    """Who has this row."""
    found = []
    for who, (_, prefix) in PROGRAMS.items():
        names = run([program(build, who)])[0].split()
        if prefix + row in names:
            found.append(who)
    return found


def nanoseconds(build, who, row, count):
    """Of one operation, after a warm-up."""
    words = [program(build, who), PROGRAMS[who][1] + row, str(count // 8), str(count)]
    said = int(run(words)[0])
    if said <= 0:
        raise bench.BenchError(f"{' '.join(words)}: it took {said}, so its row did not come to its end")
    return said / count


def compare(build, row, rounds):
    """{who: (median, median of the ratios to ours)}."""
    everybody = participants(build, row)
    samples = {who: [] for who in everybody}
    for _ in range(rounds):
        for who in everybody:
            samples[who].append(nanoseconds(build, who, row, ROWS[row]))
    return {
        who: (
            statistics.median(times),
            statistics.median(time / ours for time, ours in zip(times, samples[OURS])),
        )
        for who, times in samples.items()
    }


def show_times(build, rows, rounds):
    """Prints the table; returns the rows and names of those who were faster."""
    faster = []
    print(f"{'nanoseconds of one operation':30} {OURS:>8}   others, as a multiple of it")
    for row in rows:
        found = compare(build, row, rounds)
        others = []
        for who, (time, ratio) in found.items():
            if who == OURS:
                continue
            others.append(f"{who}: {time:.0f} ({ratio:.2f})")
            if ratio < 1:
                faster.append(f"{row}: {who} is faster")
        print(f"{row:30} {found[OURS][0]:8.1f}   {'   '.join(others)}", flush=True)
    return faster


def valgrind(build, row, tool, pattern):
    """What a tool of valgrind counts for one operation, to the nearest whole number."""
    found = []
    for count in (COUNTED, 2 * COUNTED):
        words = ["valgrind", *tool, program(build, OURS), row, "0", str(count)]
        said = run(words)[1]
        match = pattern.search(said)
        if match is None:
            raise bench.BenchError(f"{' '.join(words)}:\n{said}")
        found.append(int(match[1].replace(",", "")))
    return round((found[1] - found[0]) / COUNTED)


def counts(build, rows):
    """{name: count} of our rows with one thread."""
    found = {}
    for row in rows:
        if row.endswith(".2"):
            continue
        found[f"async.{row}.instructions"] = valgrind(
            build, row, ["--tool=callgrind", "--callgrind-out-file=/dev/null"], INSTRUCTIONS)
        found[f"async.{row}.allocations"] = valgrind(
            build, row, ["--tool=memcheck"], ALLOCATIONS)
    return found


def main(words, folder=bench.FOLDER):
    """Returns 1 when --check finds a difference or a missed limit. `folder` holds the baseline and
    the targets."""
    build = words[0]
    flags = {word for word in words[1:] if word.startswith("-")}
    rows = [word for word in words[1:] if not word.startswith("-")] or list(ROWS)
    unknown = (flags - {"--check", "--update", "--quick"}) | (set(rows) - set(ROWS))
    if unknown or len(flags) > 1:
        print(f"quoll: bench async does not know {' '.join(sorted(unknown or flags))}\n{USAGE}")
        return 2
    try:
        if not flags & {"--check", "--update"}:
            faster = show_times(build, rows, QUICK_ROUNDS if flags else ROUNDS)
            print("\n".join(faster) if faster else "quoll: ahead of each in each row")
            return 0
        found = counts(build, rows)
    except bench.BenchError as error:
        print(f"quoll: no numbers from {error}")
        return 1
    baseline = bench.read(os.path.join(folder, "baseline.json"))
    targets = bench.read(os.path.join(folder, "targets.json"))
    complaints, exceeded = bench.show(found, baseline, targets)
    if "--update" in flags:
        bench.write(os.path.join(folder, "baseline.json"), baseline | found)
        print(f"quoll: {len(found)} numbers written to bench/baseline.json")
    elif complaints + exceeded:
        print("\n".join(complaints + exceeded))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
