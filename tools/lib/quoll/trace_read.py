# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reads what the kernel recorded: a dump (tools/run --trace), or the lines of records that a
panic leaves on the console. docs/tracing.md describes both.

A dump says itself which events there are and how their arguments lie; nothing here knows one.
"""

import re
import struct
from dataclasses import dataclass, field

MAGIC = b"QLTRACE1"
PARKED = (1 << 64) - 1


class TraceError(Exception):
    """The file is not a trace, or is damaged."""


@dataclass
class Field:
    """One argument of an event: where it lies, and how it is to be read."""

    name: str
    kind: str
    word: str
    shift: int
    bits: int
    choices: list

    def take(self, words):
        """Its number, out of the record's words."""
        return words[self.word] >> self.shift & ((1 << self.bits) - 1)


@dataclass
class Event:
    """One row of the file's table."""

    number: int
    name: str
    group: str
    fields: list


@dataclass
class Record:
    """One event: `values` by the names of its arguments, numbers or the words that stand for
    them. `begin` is where it began, `time` where it ended; ticks."""

    hart: int
    number: int
    time: int
    event: str
    values: dict

    @property
    def begin(self):
        """When that began which is over at `time`; the same for what takes no time."""
        return self.values.get("begin", self.time)


@dataclass
class Hart:
    """How much a hart has recorded, and what it was doing at the end."""

    written: int = 0
    capacity: int = 0
    doing: str = "none"  # none, park, or slice
    task: int = 0
    name: str = ""
    since: int = 0


@dataclass
class Trace:
    """Everything that a file holds. `complete`: it was written to its end."""

    ticks_per_second: int = 10_000_000
    now: int = 0
    start: int = 0
    events: dict = field(default_factory=dict)  # by name
    harts: dict = field(default_factory=dict)
    records: list = field(default_factory=list)
    guests: dict = field(default_factory=dict)  # id -> (task, name)
    task_names: dict = field(default_factory=dict)
    complete: bool = False

    def lost(self, hart):
        """How many records of a hart are not in the file."""
        return self.harts[hart].written - sum(1 for r in self.records if r.hart == hart)

    def finish(self):
        """Sorts, and names the tasks: a guest's by its program."""
        self.records.sort(key=lambda r: (r.time, r.hart, r.number))
        for record in self.records:
            name = record.values.get("name")
            if isinstance(name, str) and record.values.get("task"):
                self.task_names[record.values["task"]] = name
        for hart in self.harts.values():
            if hart.doing == "slice" and hart.name:
                self.task_names.setdefault(hart.task, hart.name)
        for record in self.records:
            if record.event == "guest-start":
                guest, task = record.values["guest"], record.values["task"]
                self.guests.setdefault(guest, (task, f"guest {guest}"))
        for task, name in self.guests.values():
            self.task_names[task] = name
        return self

    def task(self, number):
        """What people call a task."""
        name = self.task_names.get(number)
        return f"{name} ({number})" if name else f"task {number}"


def _chunks(data):
    at = len(MAGIC)
    while at < len(data):
        if at + 8 > len(data):
            return
        tag, size = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + size]
        if len(content) < size:
            return  # cut off: what came before still counts
        yield tag.decode("ascii", "replace"), content
        at += (8 + size + 7) // 8 * 8


def _read_event(text):
    head, *lines = text.splitlines()
    number, name, group = head.split(" ")
    fields = []
    for line in lines:
        name_, kind, word, shift, bits, choices = line.split(" ", 5)
        fields.append(Field(name_, kind, word, int(shift), int(bits), choices.split("|")))
    return Event(int(number), name, group, fields)


class _DumpReader:
    def __init__(self, data):
        self.trace = Trace()
        self.by_number = {}
        self.words = {}  # kind -> {value: word}
        self.raw = []
        self.slices = {}
        for tag, content in _chunks(data):
            take = getattr(self, f"_take_{tag.lower()}", None)
            if take is not None:  # chunks to come are passed over
                take(content)
        self._translate()

    def _take_info(self, content):
        ticks, now, start, _ = struct.unpack_from("<4Q", content)
        self.trace.ticks_per_second, self.trace.now, self.trace.start = ticks, now, start

    def _take_evnt(self, content):
        event = _read_event(content.decode())
        self.by_number[event.number] = event
        self.trace.events[event.name] = event

    def _take_word(self, content):
        kind, *lines = content.decode().splitlines()
        pairs = (line.split(" ", 1) for line in lines)
        self.words[kind] = {int(value): word for value, word in pairs}

    def _take_hart(self, content):
        number, capacity, written, task, begin, name = struct.unpack_from("<6Q", content)
        hart = Hart(written, capacity)
        if task == PARKED:
            hart.doing, hart.since = "park", begin
        elif task != 0:
            hart.doing, hart.task, hart.since = "slice", task, begin
            self.slices[number] = name
        self.trace.harts[number] = hart

    def _take_recs(self, content):
        (hart,) = struct.unpack_from("<Q", content)
        for words in struct.iter_unpack("<4Q", content[8 : 8 + (len(content) - 8) // 32 * 32]):
            self.raw.append((hart, *words))

    def _take_name(self, content):
        self._take_word(b"text\n" + content)

    def _take_gsts(self, content):
        for line in content.decode(errors="replace").splitlines():
            guest, task, name = line.split(" ", 2)
            self.trace.guests[int(guest)] = (int(task), name)

    def _take_done(self, content):
        (told,) = struct.unpack_from("<Q", content)
        self.trace.complete = told == len(self.raw)

    def _value(self, entry, words):
        value = entry.take(words)
        if entry.kind == "choice":
            return entry.choices[value] if value < len(entry.choices) else value
        return self.words.get(entry.kind, {}).get(value, value)

    def _number(self, hart, low):
        """The record's whole number, from its low half: it lies below what was written."""
        written = self.trace.harts[hart].written
        return (written & ~0xFFFFFFFF | low) - ((1 << 32) if low >= written & 0xFFFFFFFF else 0)

    def _translate(self):
        for hart, header, time, first, second in self.raw:
            event = self.by_number.get(header & 0xFF)
            if event is None or hart not in self.trace.harts:
                raise TraceError(f"a record of an event without a description ({header & 0xFF})")
            words = {"small": header >> 8 & 0xFFFFFF, "first": first, "second": second}
            values = {entry.name: self._value(entry, words) for entry in event.fields}
            number = self._number(hart, header >> 32)
            self.trace.records.append(Record(hart, number, time, event.name, values))
        for number, key in self.slices.items():
            self.trace.harts[number].name = self.words.get("text", {}).get(key, "")


LINE = re.compile(r"trace: hart (\d+) #(\d+) (\d+) (\S+)((?: \S+=[^=]*)*)$")
NOW = re.compile(r"trace: hart (\d+) now (\d+) (runs no task|sleeps since|runs task)(.*)$")
CLOCK = re.compile(r"trace: (\d+) ticks a second")
ARGUMENT = re.compile(r" ([a-z-]+)=(.*?)(?= [a-z-]+=|$)")


def _number_or_word(text):
    try:
        return int(text, 0)
    except ValueError:
        return text


def _read_lines(text):
    trace = Trace()
    for line in text.splitlines():
        line = line.rstrip("\r")
        if found := LINE.search(line):
            hart, number, time = (int(word) for word in found.group(1, 2, 3))
            values = {name: _number_or_word(value) for name, value in ARGUMENT.findall(found[5])}
            if values.get("name") == 0:
                del values["name"]
            trace.records.append(Record(hart, number, time, found[4], values))
            state = trace.harts.setdefault(hart, Hart())
            state.written = max(state.written, number + 1)
            trace.now = max(trace.now, time)
        elif found := NOW.search(line):
            hart = trace.harts.setdefault(int(found[1]), Hart())
            trace.now = max(trace.now, int(found[2]))
            words = found[4].split()
            if found[3] == "sleeps since":
                hart.doing, hart.since = "park", int(words[-1])
            elif found[3] == "runs task":
                hart.doing, hart.task, hart.since = "slice", int(words[0]), int(words[-1])
                hart.name = " ".join(words[1:-2])
        elif found := CLOCK.search(line):
            trace.ticks_per_second = int(found[1])
    if not trace.harts:
        raise TraceError("neither a dump nor a console with records on it")
    trace.complete = True
    return trace


def parse(data):
    """A trace from a file's bytes."""
    if data.startswith(MAGIC):
        try:
            return _DumpReader(data).trace.finish()
        except (struct.error, ValueError, KeyError) as error:
            raise TraceError(f"the dump is damaged: {error}") from error
    return _read_lines(data.decode(errors="replace")).finish()


def read(path):
    """A trace from a file."""
    with open(path, "rb") as source:
        return parse(source.read())
