# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What WebAssembly programs cost: `bench_engine.py BUILD_DIRECTORY [PROGRAM...] [--limits]
[--user-mode [--inside]]`.

Runs published programs in the image, as anybody runs them, and counts what the guest executes in
user mode from its first instruction to its end: the engine's own start, reading and checking the
module included. With --user-mode they are processes of Linux instead, in user-mode emulation; with
--inside as well, both. Each program runs twice: on a machine with Zba and Zbb, with the engine that
is compiled for them, and on one without. Beside the counts stand those of other engines, which
bench/engine_peers.json records. QUOLL_SHARED_DIR has the programs, in guests/bin."""

import json
import os
import sys
import tempfile

from . import batch, bench, user_mode
from .archive import Archive
from .boot import run_description
from .counted import EXACT

USAGE = "usage: tools/bench engine [PROGRAM]... [--limits] [--user-mode [--inside]]"
PEERS = os.path.join(bench.FOLDER, "engine_peers.json")
PLUGIN = "user_instructions.so"
CPUS = {"zb": "rv64", "plain": "rv64,zba=false,zbb=false"}
INSIDE, PROCESS = "inside Quoll", "Linux process"


def limit(peers, program, machine):
    """The most that a program may take: less than wasm3, or the share of it that is asked for."""
    count = peers["programs"][program]["wasm3"][machine]
    share = peers["must"].get(program)
    return count - 1 if share is None else int(count * share)


def count(build, guests, run, machine, place):
    """The instructions of a program in user mode."""
    name, *arguments = run.split()
    plugin = f"file={os.path.join(build, PLUGIN)}"
    if place == PROCESS:
        words = [os.path.join(guests, name), *arguments]
        return user_mode.count(build, plugin, CPUS[machine], words, machine)
    with tempfile.TemporaryDirectory(prefix="quoll-") as work:
        initrd, found = os.path.join(work, "initrd"), os.path.join(work, "found")
        with open(initrd, "wb") as out:
            archive = Archive(out)
            archive.add_file(f"bin/{name}", os.path.join(guests, name))
            archive.add_bytes("quoll/run", run_description(name, arguments, [], []))
            archive.finish()
        result = batch.run(
            os.path.join(build, "quoll.img"),
            bootargs=["placement=lowest"],
            initrd=initrd,
            extra=[*EXACT, "-cpu", CPUS[machine], "-plugin", f"{plugin},out={found}"],
        )
        if result.status != 0 or not os.path.exists(found):
            tail = "\n".join(result.console.splitlines()[-15:])
            raise bench.BenchError(f"{run}: status {result.status}\n{tail}")
        with open(found, encoding="ascii") as text:
            return int(text.read())


def compare(build, guests, peers, programs, places):
    """Prints the table; returns those that exceed their limit."""
    exceeded = []
    heads = "".join(f"   {place:>13} of wasm3 of WAMR" for place in places)
    print(f"{'instructions':24} {'must':>13}{heads}")
    for program in programs:
        row = peers["programs"][program]
        for machine in CPUS:
            most = limit(peers, program, machine)
            wamr = row["wamr"].get(machine)
            print(f"{program + '.' + machine:24} {most:13}", end="", flush=True)
            for place in places:
                taken = count(build, guests, row["run"], machine, place)
                of_wamr = "" if wamr is None else format(taken / wamr, ".3f")
                print(f"   {taken:13} {taken / row['wasm3'][machine]:8.3f} {of_wamr:>7}", end="")
                if taken > most:
                    exceeded.append(f"{program}.{machine}: {taken} is more than {most}, {place}")
            print(flush=True)
    return exceeded


def main(words):
    """Returns 1 when --limits or --user-mode finds a program that takes more than it may."""
    build = words[0]
    flags = {word for word in words[1:] if word.startswith("-")}
    with open(PEERS, encoding="utf-8") as text:
        peers = json.load(text)
    programs = [word for word in words[1:] if not word.startswith("-")] or list(peers["programs"])
    places = [INSIDE] if "--user-mode" not in flags or "--inside" in flags else []
    places += [PROCESS] if "--user-mode" in flags else []
    known = {"--limits", "--user-mode", "--inside"}
    unknown = (flags - known) | (set(programs) - set(peers["programs"]))
    if unknown:
        print(f"quoll: bench engine does not know {' '.join(sorted(unknown))}\n{USAGE}")
        return 2
    guests = os.path.join(os.environ.get("QUOLL_SHARED_DIR", ""), "guests", "bin")
    if not os.path.isdir(guests):
        print(f"skipped: no published programs in {guests} (QUOLL_SHARED_DIR names their folder)")
        return 77
    try:
        exceeded = compare(build, guests, peers, programs, places)
    except bench.BenchError as error:
        print(f"quoll: no numbers from {error}")
        return 1
    print("\n".join(exceeded) or "quoll: below each limit")
    return 1 if exceeded and flags & {"--limits", "--user-mode"} else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
