# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The official WebAssembly suite in user mode:

    suite_qemu.py BUILD SHARED SET [--smp N] [--plain] [--append BOOTARG]...

BUILD holds the image quoll-spec, SHARED the converted suite. Machines are booted with as many
scripts each as fit an archive; there the guest decodes, runs and judges, and every line that it
says has to be the one that the script's own commands lead to. The machines count: a batch that
takes more instructions than it may is ended, whatever the host's clock says. --plain: without Zba
and Zbb, for which the program is compiled otherwise."""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

from quoll import batch, counted
from quoll.archive import Archive
from quoll.boot import run_description

SKIPPED = 77
HERE = os.path.dirname(os.path.abspath(__file__))
PAGE, HEADER = 4096, 256
# Of a machine's 128 MiB; what is left is for the scripts' own modules, memories and tables.
BATCH_BYTES = 24 << 20
# What a batch may execute in user mode: several times what the largest takes.
BATCH_INSTRUCTIONS = 20_000_000_000
PLAIN = "rv64,zba=false,zbb=false"

# What a report calls the commands that are no assertions, in its order.
COMMANDS = {
    "module": "modules",
    "module_definition": "definitions",
    "module_instance": "instances",
    "action": "actions",
    "register": "registrations",
}
TEXT, LISTED, FAULTS = "for text parsers", "listed", "FAULTS"
NOTES = (*COMMANDS.values(), TEXT, LISTED, FAULTS)
LINE = re.compile(rf"\d+ of \d+ assertions(, \d+ ({'|'.join(NOTES)}))*")


def rows(path):
    """The cells of a table's rows; those that start with # are for readers."""
    with open(path, encoding="utf-8") as table:
        lines = table.read().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def read_set(name):
    """(assertions, members or None for all) of a set."""
    for row in rows(os.path.join(HERE, "sets.tsv")):
        if row[0] == name:
            return int(row[2]), None if row[3] == "*" else row[3].split(" ")
    raise SystemExit(f"there is no set {name}")


def contains(members, script):
    """Whether a script is a member, or stands in a folder that is one."""
    return members is None or any(f"{script}/".startswith(f"{member}/") for member in members)


def expected(folder, script, listed):
    """What has to come out of a script: assertions that are met, that there are, and the rest."""
    with open(os.path.join(folder, script, os.path.basename(script) + ".json"), "rb") as text:
        commands = json.load(text)["commands"]
    tally = collections.Counter()
    for command in commands:
        met = (script, str(command["line"])) not in listed
        if command.get("module_type") == "text" and command["type"] == "assert_malformed":
            tally[TEXT] += 1
        elif command["type"] in COMMANDS:
            tally[COMMANDS[command["type"]]] += met
            tally[LISTED] += not met
        else:
            tally["met"] += met
            tally["seen"] += 1
            tally[LISTED] += not met
    return tally


def words(tally):
    """A tally as a report has it."""
    notes = [f"{tally[note]} {note}" for note in NOTES if tally[note]]
    return ", ".join([f"{tally['met']} of {tally['seen']} assertions", *notes])


def tally_of(line):
    """What a report says in its words."""
    assertions, *notes = line.split(", ")
    met, _, seen, _ = assertions.split(" ")
    tally = collections.Counter(met=int(met), seen=int(seen))
    for note in notes:
        number, _, what = note.partition(" ")
        tally[what] = int(number)
    return tally


def files_of(folder, script):
    """The files of a script that anybody reads: modules in text are for assemblers."""
    path = os.path.join(folder, script)
    return [os.path.join(path, name) for name in sorted(os.listdir(path))
            if name.endswith((".json", ".wasm"))]


def split(folder, scripts):
    """Lists of scripts, each of which fits an archive."""
    batches, room = [], 0
    for script in scripts:
        # Each begins on a page, behind its header.
        sizes = (os.path.getsize(path) + HEADER for path in files_of(folder, script))
        size = sum((size // PAGE + 1) * PAGE for size in sizes)
        if size > room:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(script)
        room -= size
    return batches


def pack(out, folder, scripts, counts, name):
    """Writes the archive of a batch."""
    archive = Archive(out)
    table = [row for row in counts if row[0] in ("file", *scripts)]
    archive.add_bytes("bin/counts.tsv", "\n".join("\t".join(row) for row in table).encode())
    for list_of in ("sets.tsv", "exceptions.tsv"):
        archive.add_file(f"dirs/0/{list_of}", os.path.join(HERE, list_of))
    for script in scripts:
        for path in files_of(folder, script):
            archive.add_file(f"dirs/0/{script}/{os.path.basename(path)}", path)
    archive.add_bytes("quoll/run", run_description("counts.tsv", [name], [], [(None, "/suite")]))
    archive.finish()


def boot(build, options, initrd, work):
    """Runs a machine to its end; its result, what the program wrote, and what it executed."""
    streams = {name: os.path.join(work, name) for name in ("stdout", "stderr")}
    executed = os.path.join(work, "executed")
    plugin = os.path.join(build, "user_instructions.so")
    extra = ["-cpu", PLAIN] if options.plain else []
    with counted.machine_of(options.smp, batch.MEMORY, extra) as (harts, more):
        more += ["-plugin", f"file={plugin},out={executed},limit={BATCH_INSTRUCTIONS}"]
        result = batch.run(os.path.join(build, "quoll-spec.img"), smp=harts,
                           bootargs=options.append, initrd=initrd, extra=more, timeout_s=None,
                           outputs=streams)
    said = {}
    for name, path in streams.items():
        with open(path, encoding="utf-8", errors="replace") as text:
            said[name] = text.read()
    count = 0
    if os.path.exists(executed):
        with open(executed, encoding="ascii") as text:
            count = int(text.read())
    return result, said, count


class Suite:
    """A set, unpacked in `folder`, and what has been seen of it so far."""

    def __init__(self, options, folder, counts):
        self.options, self.folder, self.counts = options, folder, counts
        self.assertions, members = read_set(options.set)
        names = [row[0] for row in counts if row[0] not in ("file", "TOTAL")]
        self.scripts = [name for name in names if contains(members, name)]
        self.listed = {(row[1], row[2]) for row in rows(os.path.join(HERE, "exceptions.tsv"))
                       if row[0] == options.set}
        self.total = collections.Counter()
        self.executed, self.faults = 0, []

    def fault(self, what):
        """Says at once what the run fails for."""
        self.faults.append(what)
        print(what, flush=True)

    def judge(self, script, line):
        """Holds what the guest said of a script against the script's commands."""
        wanted = words(expected(self.folder, script, self.listed))
        if line is None:
            self.fault(f"{script}: not run")
            return
        self.total += tally_of(line)
        if line != wanted:
            self.fault(f"{script}: {line}, which should be {wanted}")
        else:
            print(f"{script}: {line}", flush=True)

    def run_batch(self, scripts):
        """Boots a machine with these scripts."""
        with tempfile.TemporaryDirectory(prefix="quoll-") as work:
            initrd = os.path.join(work, "initrd")
            with open(initrd, "wb") as out:
                pack(out, self.folder, scripts, self.counts, self.options.set)
            result, said, executed = boot(self.options.build, self.options, initrd, work)
        self.executed += executed
        lines = {}
        for line in said["stdout"].splitlines():
            name, colon, rest = line.partition(": ")
            if colon and name in scripts and LINE.fullmatch(rest):
                lines[name] = rest
            elif not line.startswith(f"{self.options.set}, {len(scripts)} scripts: "):
                self.fault(line)
        for script in scripts:
            self.judge(script, lines.get(script))
        if result.status != 0:
            how = "hung" if result.status is None else f"ended with status {result.status}"
            self.fault(f"the machine {how}\n{said['stderr']}{result.console}")

    def run(self):
        """The exit status."""
        batches = split(self.folder, self.scripts)
        for scripts in batches:
            self.run_batch(scripts)
        print(f"{self.options.set}, {len(self.scripts)} scripts: {words(self.total)}")
        print(f"{len(batches)} machines, {self.executed} instructions in user mode")
        if self.total["seen"] != self.assertions:
            self.fault(f"the set should have {self.assertions} assertions")
        return 1 if self.faults else 0


def main():
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("build", "shared", "set"):
        parser.add_argument(name)
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--append", action="append", default=[])
    options = parser.parse_args()
    archive = os.path.join(options.shared, f"spec-tests/spec-{options.set}.tar.zst")
    counts = os.path.join(options.shared, f"spec-tests/counts-spec-{options.set}.tsv")
    for path in (archive, counts):
        if not os.path.exists(path):
            print(f"skipped: {path} is missing. It is the official WebAssembly test suite, "
                  "converted; tests/spec/README.md says how to get it and to name its place with "
                  "QUOLL_SHARED_DIR.")
            return SKIPPED
    with tempfile.TemporaryDirectory(prefix="quoll-") as work:
        subprocess.run(["cmake", "-E", "tar", "xf", os.path.abspath(archive)], cwd=work, check=True)
        return Suite(options, os.path.join(work, f"wg-{options.set}"), rows(counts)).run()


if __name__ == "__main__":
    sys.exit(main())
