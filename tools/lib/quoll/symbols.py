# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Makes the table of functions and lines that backtraces name things by.

    python3 -m quoll.symbols ELF TABLE

The table is GSYM (version 1), converted from the debug information by llvm-gsymutil; then its
texts are replaced: names are made readable here, so that nobody has to demangle them in the
middle of a panic, and paths begin at the source tree's root.
"""

import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HEADER = struct.Struct("<IHBBQIII20s")
MAGIC = 0x4753594D
LINES, INLINED = 1, 2
# A name may be this long; template arguments beyond the next figure are left out in any case.
MAX_NAME = 120
MAX_ARGUMENTS = 24

_SUFFIX = re.compile(r"^(_Z[^.]*)((?:\.[A-Za-z0-9_]+)+)$")
_ABI = re.compile(r"\[abi:[^\]]*\]")
_PARAMETERS = re.compile(r"\([^()]*\)(?: const| volatile| &&| &)*(?=::)")
_ROOT = re.compile(r"^.*?(?:^|/)quoll/(?=(?:libs|kernel|arch|loader|tests|tools)(?:/|$))")
_FETCHED = re.compile(r"^.*/quoll/sources/(\w+)-[0-9a-f]+-[0-9a-f]+(?=/|$)")
_LIBCXX = re.compile(r"^/usr/lib/llvm-\d+/include/c\+\+/v1(?=/|$)")
_REQUIRES = re.compile(r" requires requires \{[^{}]*\}")
_THIRD_PARTY = re.compile(r"^.*?(?:^|/)quoll_(?=[a-z0-9]+(?:/|$))")
_COROUTINE_PARTS = {".destroy": " (destroyed)", ".cleanup": " (abandoned)"}


class TableError(Exception):
    """The table is not what the converter should have made."""


def shorten(name: str) -> str:
    """Leaves long template arguments out."""
    out, depth, start, i = [], 0, 0, 0
    while i < len(name):
        rest = name[i:]
        operator = re.match(r"operator(?:<=>|<<=|>>=|->\*|->|<<|>>|<=|>=|<|>)", rest)
        if operator and depth == 0:
            out.append(operator.group())
            i += operator.end()
            continue
        char = name[i]
        if char == "<":
            if depth == 0:
                start = i
            depth += 1
        elif char == ">" and depth > 0 and name[i - 1] != "-":
            depth -= 1
            if depth == 0:
                arguments = name[start : i + 1]
                out.append(arguments if len(arguments) <= MAX_ARGUMENTS else "<...>")
        elif depth == 0:
            out.append(char)
        i += 1
    if depth:  # not balanced: as it is
        return name
    return "".join(out)


def tidy(demangled: str, suffix: str = "") -> str:
    """The demangled name (without parameters) as people want to read it."""
    name = _ABI.sub("", demangled)
    name = _REQUIRES.sub("", name)
    name = name.replace("(anonymous namespace)::", "").replace("std::__1::", "std::")
    while True:
        shorter = _PARAMETERS.sub("", name)
        if shorter == name:
            break
        name = shorter
    name = shorten(name)
    if len(name) > MAX_NAME:
        name = name[: MAX_NAME - 3] + "..."
    return name + _COROUTINE_PARTS.get(suffix, "")


def readable(names: list[str]) -> list[str]:
    """Readable forms of linkage names; what is no C++ name stays as it is."""
    split = []
    for name in names:
        match = _SUFFIX.match(name)
        split.append((match.group(1), match.group(2)) if match else (name, ""))
    demangled = subprocess.run(
        ["llvm-cxxfilt-19", "-p"], input="\n".join(base for base, _ in split) + "\n",
        text=True, check=True, stdout=subprocess.PIPE,
    ).stdout.split("\n")
    return [
        tidy(text, suffix) if base.startswith("_Z") else base
        for (base, suffix), text in zip(split, demangled)
    ]


def source_path(path: str) -> str:
    """A directory as the tree knows it, whoever built it and wherever."""
    for pattern in (_ROOT, _THIRD_PARTY):
        match = pattern.match(path)
        if match:
            return path[match.end() :]
    return _LIBCXX.sub("libc++", _FETCHED.sub(r"\1", path))


class Table:
    """A GSYM file taken apart; `write` puts it together with other texts."""

    def __init__(self, data: bytes):
        self.data = bytearray(data)
        (magic, version, self.address_size, _, self.base, self.count, self.strings_at,
         self.strings_size, _) = HEADER.unpack_from(self.data)
        if magic != MAGIC or version != 1:
            raise TableError("not a GSYM table of version 1")
        at = HEADER.size + self.count * self.address_size
        self.offsets_at = at + -at % 4
        self.files_at = self.offsets_at + 4 * self.count
        self.file_count = self._u32(self.files_at)
        # Where the offsets of texts are, and what each text is.
        self.names: list[int] = []
        self.directories: list[int] = []
        self.kept: list[int] = []
        for i in range(self.file_count):
            entry = self.files_at + 4 + 8 * i
            self.directories.append(entry)
            self.kept.append(entry + 4)
        for i in range(self.count):
            self._read_function(self._u32(self.offsets_at + 4 * i))

    def _u32(self, at: int) -> int:
        return struct.unpack_from("<I", self.data, at)[0]

    def _uleb(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = self.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, at

    def _read_function(self, at: int) -> None:
        self.names.append(at + 4)
        at += 8
        while True:
            kind, size = struct.unpack_from("<II", self.data, at)
            at += 8
            if kind == 0:
                return
            if kind == INLINED:
                self._read_inlined(at)
            at += size

    def _read_inlined(self, at: int) -> int | None:
        """Reads an entry and those inside it; nothing at the end of a list."""
        ranges, at = self._uleb(at)
        if ranges == 0:
            self._after = at
            return None
        for _ in range(2 * ranges):
            _, at = self._uleb(at)
        has_children = self.data[at]
        self.names.append(at + 1)
        at += 5
        for _ in range(2):
            _, at = self._uleb(at)
        while has_children:
            inner = self._read_inlined(at)
            if inner is None:
                return self._after
            at = inner
        return at

    def text(self, offset: int) -> str:
        start = self.strings_at + offset
        return self.data[start : self.data.index(0, start)].decode()

    def write(self) -> bytes:
        """The same table with readable names and paths of the tree."""
        replaced: dict[int, str] = {}
        mangled = sorted({self.text(self._u32(at)) for at in self.names})
        new_names = dict(zip(mangled, readable(mangled)))
        for at in self.names:
            replaced[at] = new_names[self.text(self._u32(at))]
        for at in self.directories:
            replaced[at] = source_path(self.text(self._u32(at)))
        for at in self.kept:
            replaced[at] = self.text(self._u32(at))
        strings = bytearray(b"\0")
        places = {"": 0}
        out = bytearray(self.data)
        for at, text in sorted(replaced.items()):
            if text not in places:
                places[text] = len(strings)
                strings += text.encode() + b"\0"
            struct.pack_into("<I", out, at, places[text])
        # The texts stand between the lists and the functions: what follows them moves.
        functions_at = min((self._u32(self.offsets_at + 4 * i) for i in range(self.count)),
                           default=len(out))
        if functions_at < self.strings_at + self.strings_size:
            raise TableError("the texts are not in front of the functions")
        strings += bytes(-(self.strings_at + len(strings)) % 4)
        moved = self.strings_at + len(strings) - functions_at
        for i in range(self.count):
            entry = self.offsets_at + 4 * i
            struct.pack_into("<I", out, entry, self._u32(entry) + moved)
        struct.pack_into("<I", out, HEADER.size - 24, len(strings))
        return bytes(out[: self.strings_at] + strings + out[functions_at:])


def convert(elf: Path) -> bytes:
    """The converter's own table, with linkage names."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.gsym"
        done = subprocess.run(
            ["llvm-gsymutil-19", "--convert", str(elf), "--out-file", str(raw),
             "--num-threads", "1"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0 or not raw.exists():
            raise TableError(f"llvm-gsymutil-19 refuses {elf}:\n{done.stdout}")
        return raw.read_bytes()


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    elf, table = map(Path, arguments)
    try:
        table.write_bytes(Table(convert(elf)).write())
    except TableError as error:
        print(f"symbols: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
