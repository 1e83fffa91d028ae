# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A thousand addresses of a real program: our reader and LLVM's symbolizer must agree.

    oracle_test.py LOOKUP PROGRAM
"""

import bisect
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from quoll import symbols

ADDRESSES = 1000


def run(command: list[str], text: str) -> str:
    return subprocess.run(command, input=text, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def functions(program: str) -> dict[tuple[int, int], set[str]]:
    """All names of each function, by start and size: constructors, for one, have two."""
    listing = run(["llvm-nm-19", "--defined-only", "--print-size", program], "")
    found: dict[tuple[int, int], set[str]] = {}
    for row in (line.split() for line in listing.splitlines()):
        # Below the first page are offsets of thread-local variables.
        if len(row) == 4 and int(row[0], 16) >= 0x1000 and row[2] in "tTwW" and int(row[1], 16):
            found.setdefault((int(row[0], 16), int(row[1], 16)), set()).add(row[3])
    return found


def pick(known: dict[tuple[int, int], set[str]],
         generator: random.Random) -> list[tuple[int, set[str]]]:
    """Addresses inside functions that do not overlap others, and the functions' names."""
    order = sorted(known)
    picked = []
    while len(picked) < 8 * ADDRESSES:
        start, size = generator.choice(order)
        address = start + generator.randrange(size)
        at = bisect.bisect_right(order, (address, 1 << 63)) - 1
        if order[at] == (start, size):
            picked.append((address, known[start, size]))
    return picked


def by_symbolizer(program: str, addresses: list[int]) -> list[list[tuple[str, str]]]:
    text = run(["llvm-symbolizer-19", f"--obj={program}", "--inlines", "--no-demangle",
                "--output-style=LLVM"], "".join(f"{a:#x}\n" for a in addresses))
    answers = []
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        answers.append([(lines[i], lines[i + 1].rsplit(":", 1)[0])
                        for i in range(0, len(lines), 2)])
    return answers


def by_table(lookup: str, table: Path, addresses: list[int]) -> list[list[tuple[str, str]]]:
    lines = run([lookup, str(table)], "".join(f"{a:#x}\n" for a in addresses)).splitlines()
    answers, at = [], 0
    while at < len(lines):
        count = int(lines[at].split()[1])
        at += 1
        answers.append([(lines[at + 2 * i], lines[at + 2 * i + 1]) for i in range(count)])
        at += 2 * count
    return answers


def compare(ours: list, theirs: list, picked: list, name_of, path_of) -> int:
    """How many addresses differ, each printed."""
    wrong = 0
    for (address, aliases), our, their in zip(picked, ours, theirs):
        expected = [({name_of(name)}, path_of(place)) for name, place in their]
        expected[-1][0].update(name_of(name) for name in aliases)
        # Line 0 says that the code has no line of its own; the table then has another row's.
        same = len(our) == len(expected) and all(
            a[0] in b[0] and (a[1] == b[1] or b[1].endswith(":0"))
            for a, b in zip(our, expected))
        if not same:
            wrong += 1
            print(f"{address:#x}\n  ours   {our}\n  theirs {expected}")
    return wrong


def main(lookup: str, program: str) -> int:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    candidates = pick(functions(program), random.Random(seed))
    answers = by_symbolizer(program, [address for address, _ in candidates])
    if len(answers) != len(candidates):
        print(f"the symbolizer answered {len(answers)} times")
        return 1
    # Those with debug information: the sanitizers' own runtime has none.
    chosen = [(c, a) for c, a in zip(candidates, answers)
              if not a[0][1].startswith(("??", "crtstuff"))][:ADDRESSES]
    picked = [c for c, _ in chosen]
    theirs = [a for _, a in chosen]
    addresses = [address for address, _ in picked]
    raw = symbols.convert(Path(program))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table"
        table.write_bytes(raw)
        wrong = compare(by_table(lookup, table, addresses), theirs, picked, str, str)

        table.write_bytes(symbols.Table(raw).write())
        names = sorted({name for answer in theirs for name, _ in answer}
                       .union(*(aliases for _, aliases in picked)))
        readable = dict(zip(names, symbols.readable(names)))

        def path_of(place: str) -> str:
            path, line = place.rsplit(":", 1)
            directory, _, file = path.rpartition("/")
            return f"{symbols.source_path(directory)}/{file}:{line}"

        wrong += compare(by_table(lookup, table, addresses), theirs, picked,
                         readable.__getitem__, path_of)
    inlined = sum(len(answer) > 1 for answer in theirs)
    print(f"{len(picked)} addresses, {inlined} of them in inlined functions, {wrong} differ")
    return 1 if wrong or len(picked) < ADDRESSES or inlined < ADDRESSES // 20 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
