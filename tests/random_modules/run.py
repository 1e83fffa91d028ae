#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Random modules, in the engine and in V8: `run.py PLAYER FOLDER [--modules N] [--seed S]
[--only NUMBER]`.

Modules are generated until N of them have run in both. What differs is kept in FOLDER."""

import argparse
import collections
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

from binary import Beyond
from callers import SUPPORT
from compare import count, first_difference, split
from generate import INITIAL_NAME, NotGenerated, generate
from initial import INITIAL

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 50
PATIENCE_S = 300
# Of the numbers tried: more than that says that the generator is not used as it should be.
MOST_NOT_GENERATED = 0.01


class Broken(Exception):
    """The comparison itself does not work."""


def parse(words):
    """The command line."""
    parser = argparse.ArgumentParser(prog="tools/test random")
    parser.add_argument("player")
    parser.add_argument("folder")
    parser.add_argument("--modules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--only", type=int, help="one module, by its number; its files are kept")
    return parser.parse_args(words)


def play(command, folder, numbers):
    """{number: lines} of a player."""
    words = [*command, folder, *map(str, numbers)]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        done = subprocess.CompletedProcess(words, 1, error.stdout or b"", b"it does not end")
    found = split(done.stdout.decode())
    if done.returncode != 0:
        sys.stderr.write(done.stderr.decode(errors="replace")[-4000:])
    return found, done.returncode


def play_all(command, folder, numbers):
    """The same for all numbers, also behind one that ends the player."""
    found, left = {}, list(numbers)
    while left:
        some, status = play(command, folder, left)
        found.update(some)
        rest = [number for number in left if number not in some]
        if status == 0 and rest or len(rest) == len(left):
            raise Broken(f"{command[0]} does not play modules {left}")
        left = rest
    return found


def keep(options, folder, number, outputs):
    """Copies a module and what both said of it to where it stays."""
    place = os.path.join(options.folder, f"{options.seed}-{number}")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for end in ("bytes", "generated.wasm", "module.wasm", "caller.wasm"):
        path = os.path.join(folder, f"{number}.{end}")
        if os.path.exists(path):
            shutil.copy(path, place)
    shutil.copy(os.path.join(folder, "support.wasm"), place)
    for who, lines in outputs.items():
        with open(os.path.join(place, who + ".txt"), "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
    return place


def judge(options, folder, number, ours, theirs):
    """A Counter for one module; says what differs."""
    at = first_difference(ours, theirs)
    if at is None and "unlinkable" in ours:
        raise Broken(f"module {number} of seed {options.seed} imports what the support has not")
    if at is None:
        return count(ours, theirs)
    place = keep(options, folder, number, {"ours": ours, "v8": theirs})
    before = next((line for line in reversed(ours[:at]) if not line.startswith(" ")), "its start")
    print(f"module {number} of seed {options.seed} differs in line {at + 1}, behind {before}:")
    for who, lines in (("ours", ours), ("V8", theirs)):
        print(f"  {who}: {lines[at].strip() if at < len(lines) else 'nothing'}")
    print(f"  kept in {place}; again: tools/test random --seed {options.seed} --only {number}")
    return collections.Counter({"different": 1})


def run_batch(options, numbers):
    """A Counter for these modules."""
    counts, made = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="quoll-") as folder:
        for name, module in (("support.wasm", SUPPORT), (INITIAL_NAME, INITIAL)):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(module)
        for number in numbers:
            try:
                generate(folder, options.seed, number)
                made.append(number)
            except Beyond:
                counts["beyond 2.0"] += 1
            except NotGenerated:
                counts["not generated"] += 1
        if not made:
            return counts
        ours = play_all([options.player], folder, made)
        theirs = play_all(["node", os.path.join(HERE, "play.mjs")], folder, made)
        for number in made:
            counts += judge(options, folder, number, ours[number], theirs[number])
            if options.only is not None:
                outputs = {"ours": ours[number], "v8": theirs[number]}
                print(f"kept in {keep(options, folder, number, outputs)}")
    return counts


def run(options):
    """A Counter for as many modules as were asked for."""
    if options.only is not None:
        return run_batch(options, [options.only])
    total, begin, width = collections.Counter(), 0, os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        while total["executed"] + total["different"] < options.modules:
            starts = range(begin, begin + width * BATCH, BATCH)
            batches = [range(start, start + BATCH) for start in starts]
            for counts in pool.map(lambda numbers: run_batch(options, numbers), batches):
                total += counts
            begin += width * BATCH
            if total["not generated"] > MOST_NOT_GENERATED * begin + 1:
                raise Broken(f"wasm-opt fails: {total['not generated']} of {begin}")
    return total


def main(words):
    """Returns 1 when a module differs."""
    options = parse(words)
    print(f"seed {options.seed}", flush=True)
    try:
        total = run(options)
    except Broken as error:
        print(f"quoll: {error}")
        return 1
    for what, number in sorted(total.items()):
        print(f"{number:9} {what}")
    least = min(total["calls"], total["results"], total["logged values"])
    if options.only is None and least < options.modules:
        print("quoll: too little was compared")
        return 1
    return 1 if total["different"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
