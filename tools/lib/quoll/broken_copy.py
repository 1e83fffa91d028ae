# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copies of a room's sources in which named lines can be broken: `broken_copy LIST ROOM INTO`.

A list has blocks: what is broken, as the control is called; the source; the lines as they are
(`- `), and what stands in their place (`+ `), where BROKEN says whether that control is tried. A
line that the source has not, or more than once, is refused: whoever changes it sees this too.
Models are compiled with the copies, and each control must break one."""

import os
import sys
from dataclasses import dataclass, field


@dataclass
class Break:
    """One way to break a source."""

    name: str
    file: str
    before: list = field(default_factory=list)
    after: list = field(default_factory=list)


def read_breaks(text):
    """All of a list. Several blocks may have one name."""
    breaks = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        one = Break(lines[0].strip(), lines[1].strip())
        for line in lines[2:]:
            sign, code = line[:2], line[2:].strip()
            if sign not in ("- ", "+ "):
                raise ValueError(f"neither what is nor what becomes of it: {line}")
            (one.before if sign == "- " else one.after).append(code)
        breaks.append(one)
    return breaks


def break_source(source, one):
    """The source with those lines replaced, in as many lines as before."""
    lines = source.splitlines()
    stripped = [line.strip() for line in lines]
    count = len(one.before)
    found = [i for i in range(len(lines)) if stripped[i : i + count] == one.before]
    if count == 0 or len(found) != 1:
        raise ValueError(f"{one.file}: {len(found)} places for: {one.name}")
    broken = " ".join(one.after).replace("BROKEN", f'::quoll::races::is_broken("{one.name}")')
    lines[found[0] : found[0] + count] = [broken] + [""] * (count - 1)
    return "\n".join(lines) + "\n"


def make_copies(breaks, room, into):
    """Writes the sources that change, below `into` as below `room`."""
    copies = {}
    for one in breaks:
        if one.file not in copies:
            with open(os.path.join(room, one.file), encoding="utf-8") as source:
                copies[one.file] = source.read()
        copies[one.file] = break_source(copies[one.file], one)
    for file, text in copies.items():
        path = os.path.join(into, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as copy:
            copy.write(text)


def main(words):
    """The list, the room, and where the copies go."""
    with open(words[0], encoding="utf-8") as text:
        make_copies(read_breaks(text.read()), words[1], words[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
