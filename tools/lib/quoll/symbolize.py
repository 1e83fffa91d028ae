# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names for code addresses: what llvm-symbolizer knows of an ELF file, in the words of a report."""

import bisect
import json
import re
import struct
import subprocess
from dataclasses import dataclass

from . import symbols

SYMBOLIZER = "llvm-symbolizer-19"

_BIAS = re.compile(r"\bbias is (0x[0-9a-f]+)")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,16}\b")
# A line of a backtrace: its number, then the address.
_FRAME = re.compile(r"^\s+([0-9]+) 0x[0-9a-f]{16}\b")
# The address has its name behind it already.
_NAMED = re.compile(r"^\s+(?:[0-9]+ )?0x[0-9a-f]{16} \S")
# What follows are coroutines: the places where they wait, not return addresses.
_AWAITING = re.compile(r"^\s+awaited by:")
_RETURN_REGISTER = re.compile(r"\bra\s+$")
# Behind frames of the trap entry stands what was interrupted, not a caller.
_TRAP_ENTRY = re.compile(r"\btrap\.S\b|\bquoll_trap_entry\b")

_ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOAD, _EXECUTE = 1, 1


class SymbolizeError(Exception):
    """A file cannot be read, or the symbolizer is not there."""


@dataclass
class Place:
    """One function at an address; what is not known is empty or 0."""

    function: str
    file: str
    line: int

    def __str__(self):
        text = self.function or "?"
        if self.file:
            text += f" at {self.file}"
            if self.line:
                text += f":{self.line}"
        return text


class Program:
    """An ELF file and what the loader adds to its addresses."""

    def __init__(self, elf, bias=0):
        self.elf, self.bias = elf, bias
        self.code = sorted(self._executable_ranges())
        self._known = {}

    def _executable_ranges(self):
        try:
            with open(self.elf, "rb") as file:
                data = file.read()
            header = _ELF_HEADER.unpack_from(data)
            if header[0][:6] != b"\x7fELF\x02\x01":
                raise SymbolizeError(f"{self.elf}: not a 64-bit little-endian ELF file")
            start, size, count = header[5], header[9], header[10]
            for i in range(count):
                kind, flags, _, address, _, _, memory, _ = _SEGMENT.unpack_from(
                    data, start + i * size
                )
                if kind == _LOAD and flags & _EXECUTE:
                    yield address, address + memory
        except OSError as error:
            raise SymbolizeError(f"{self.elf}: {error.strerror}") from error
        except struct.error as error:
            raise SymbolizeError(f"{self.elf}: cut off") from error

    def holds(self, address):
        """Whether a run-time address is in the program's code."""
        linked = (address - self.bias) & 0xFFFF_FFFF_FFFF_FFFF
        at = bisect.bisect_right(self.code, (linked, float("inf")))
        return at != 0 and linked < self.code[at - 1][1]

    def look_up(self, addresses):
        """Fills the memory of names: one call of the symbolizer for all of them."""
        missing = sorted({address for address in addresses if address not in self._known})
        if not missing:
            return
        linked = [(address - self.bias) & 0xFFFF_FFFF_FFFF_FFFF for address in missing]
        try:
            answer = subprocess.run(
                [SYMBOLIZER, f"--obj={self.elf}", "--output-style=JSON", "--no-demangle"],
                input="".join(f"{address:#x}\n" for address in linked),
                text=True,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # remarks on the tables of assembly files
            ).stdout
            found = [json.loads(line) for line in answer.splitlines()]
        except (OSError, subprocess.CalledProcessError) as error:
            raise SymbolizeError(f"{SYMBOLIZER}: {error}") from error
        if len(found) != len(missing):
            raise SymbolizeError(f"{SYMBOLIZER}: {len(found)} answers to {len(missing)} questions")
        linkage = sorted({s["FunctionName"] for one in found for s in one.get("Symbol", [])})
        names = dict(zip(linkage, symbols.readable(linkage)))
        for address, one in zip(missing, found):
            self._known[address] = [
                Place(names[s["FunctionName"]], symbols.source_path(s["FileName"]), s["Line"])
                for s in one.get("Symbol", [])
                if s["FunctionName"] or s["FileName"]
            ]

    def places(self, address):
        """All functions at a run-time address, the innermost first; empty when nobody knows."""
        self.look_up([address])
        return self._known[address]


def lines_of(address, places):
    """How an address is shown: a line for each function, all but the last inlined."""
    if not places:
        return [f"{address:#018x} ?"]
    return [
        f"{address:#018x} {place}" + (" (inlined)" if place is not places[-1] else "")
        for place in places
    ]


def bias_in(text):
    """The bias that a report states; None when it states none."""
    match = _BIAS.search(text)
    return int(match.group(1), 16) if match else None


class Annotator:
    """Reads a report line by line, and says what the addresses in each line are."""

    def __init__(self, programs):
        self.programs = programs
        self._after_trap_entry = False
        self._awaiting = False

    def prepare(self, text):
        """Asks for all addresses of a text at once."""
        found = {int(word, 16) for word in _ADDRESS.findall(text)}
        for program in self.programs:
            held = [address for address in found if program.holds(address)]
            program.look_up(held + [address - 1 for address in held])

    def notes(self, line):
        """The lines to be put behind this one."""
        frame = _FRAME.match(line)
        if not frame and not _NAMED.match(line):
            self._awaiting = bool(_AWAITING.match(line))
        if _NAMED.match(line):
            # A backtrace with names goes on behind it, as far as the trap entry is concerned.
            if frame:
                self._after_trap_entry = bool(_TRAP_ENTRY.search(line))
            return []
        out = []
        for match in _ADDRESS.finditer(line):
            out += self._note(line, frame, match)
        return out

    def _note(self, line, frame, match):
        address = int(match.group(), 16)
        program = next((program for program in self.programs if program.holds(address)), None)
        if program is None:
            return []
        if frame and self._awaiting:
            # Where a coroutine waits is inlined into it, and of no interest.
            return lines_of(address, program.places(address)[-1:])
        returns = bool(_RETURN_REGISTER.search(line[: match.start()]))
        if frame:
            returns = frame.group(1) != "0" and not self._after_trap_entry
        places = program.places(address - 1 if returns else address)
        if frame:
            self._after_trap_entry = any(_TRAP_ENTRY.search(str(place)) for place in places)
        return lines_of(address, places) if places else []
