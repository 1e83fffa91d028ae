#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may include whom.

The order of the rooms is the list in libs/CMakeLists.txt: a room includes itself and rooms
named before it. Beyond that:

- libs know neither arch nor kernel nor loader.
- The loader and the kernel meet in libs only (handoff); neither includes the other.
- The runtime (kernel/guest/runtime) meets the kernel in abi only: it uses the engine, WASI, and
  the rooms that run without privilege. The kernel uses neither the engine nor WASI.
- A file in quotes is private: it lies in the same room.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
SOURCES = (".hpp", ".cpp", ".h", ".c", ".S", ".inc")

# The engine's side of the boundary, and what of libs may run there.
ENGINE = {"wasm", "wasi"}
UNPRIVILEGED = {"base", "intrusive", "containers", "sync", "log", "abi", "elf"} | ENGINE
NARROW = {
    # Hostile input is parsed here: nothing that knows of memory or machines is at hand.
    "wasm": UNPRIVILEGED - {"wasi"},
    "wasi": UNPRIVILEGED,
}


def room_order(text):
    """The rooms of libs/CMakeLists.txt, from the bottom up."""
    match = re.search(r"set\(QUOLL_ROOMS\s+([^)]*)\)", text)
    if match is None:
        raise SystemExit("libs/CMakeLists.txt: no QUOLL_ROOMS")
    return match[1].split()


def place(path):
    """(part, room) of a file of this repository; part is None for what has no rules."""
    words = path.split("/")
    if words[0] == "libs" and len(words) > 2:
        return "libs", words[1]
    if words[:3] == ["kernel", "guest", "runtime"]:
        return "runtime", "runtime"
    if words[0] in ("kernel", "loader", "arch"):
        return words[0], words[0]
    return None, None


def refusal(part, room, target, order):
    """Why a file of `part`/`room` may not include <quoll/target/...>; None if it may."""
    if target in order:
        if part == "libs":
            if room not in order:
                return f"room '{room}' is not listed in libs/CMakeLists.txt"
            if order.index(target) > order.index(room):
                return f"'{target}' stands above '{room}'"
            if room in NARROW and target not in NARROW[room]:
                return f"'{room}' runs without privilege and has no use for '{target}'"
        if part in ("kernel", "loader", "arch") and target in ENGINE:
            return f"{part} does not know the engine: it runs in user mode"
        if part == "runtime" and target not in UNPRIVILEGED:
            return f"the runtime runs without privilege and has no use for '{target}'"
        return None
    if part == "libs":
        return f"libs do not know '{target}'"
    allowed = {"kernel": {"kernel", "arch"}, "loader": {"loader", "arch"}}
    allowed |= {"arch": {"arch"}, "runtime": {"runtime"}}
    if target not in allowed[part]:
        return f"{part} does not know '{target}'"
    return None


def candidates(path, name):
    """Where a private file may lie: in the including file's folder or one around it, as long
    as that belongs to the same room."""
    folder = os.path.dirname(path)
    while folder:
        target = os.path.normpath(os.path.join(folder, name))
        if place(target) == place(path):
            yield target
        folder = os.path.dirname(folder)


def check_line(path, line, order, exists=os.path.exists):
    """The complaint about one line of a file, or None."""
    match = INCLUDE.match(line)
    part, room = place(path)
    if match is None or part is None:
        return None
    form, name = match[1], match[2]
    if form == '"':
        if any(exists(os.path.join(ROOT, target)) for target in candidates(path, name)):
            return None
        return f'"{name}" does not lie in {room}'
    words = name.split("/")
    if words[0] == "quoll" and len(words) > 2:
        return refusal(part, room, words[1], order)
    if words[0] in ("kernel", "loader", "libs", "arch") and len(words) > 1:
        return refusal(part, room, words[0], order)
    return None


def sources():
    """Every source file with rules, relative to the root."""
    for top in ("libs", "kernel", "loader", "arch"):
        for folder, folders, files in os.walk(os.path.join(ROOT, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def main():
    """Prints each breach as file:line; returns the number of them as a status."""
    with open(os.path.join(ROOT, "libs/CMakeLists.txt"), encoding="utf-8") as text:
        order = room_order(text.read())
    breaches = files = 0
    for path in sources():
        files += 1
        with open(os.path.join(ROOT, path), encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                complaint = check_line(path, line, order)
                if complaint:
                    breaches += 1
                    print(f"{path}:{number}: {complaint}")
    print(f"{files} files, {breaches} forbidden includes")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
