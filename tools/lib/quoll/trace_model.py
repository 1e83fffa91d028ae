# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What records mean together: who ran when, whose a system call was, what a wake led to."""

import bisect
from dataclasses import dataclass

from .trace_read import TraceError

# The events that are put in relation, and which of their arguments that takes. All others are
# shown as the file's own table describes them.
SLICE, PARK, WAKE, SPAWN, SYSCALL = "slice", "park", "wake", "spawn", "syscall"
NEEDED = {
    SLICE: {"task": int, "begin": int, "why": object},
    PARK: {"begin": int},
    WAKE: {"task": int, "from": object},
    SPAWN: {"task": int},
    SYSCALL: {"call": object, "error": object, "value": int, "begin": int},
}


@dataclass
class Slice:
    """A task has a hart from `begin` to `end`. `open`: it still had it when the trace ended."""

    hart: int
    task: int
    begin: int
    end: int
    why: str
    open: bool = False


@dataclass
class Arrow:
    """A wake or a spawn, and the slice that it led to; None if that is not in the trace."""

    record: object
    target: object


class Model:
    """The records of a trace, put in relation."""

    def __init__(self, trace):
        self.trace = trace
        for record in trace.records:
            for name, kind in NEEDED.get(record.event, {}).items():
                if not isinstance(record.values.get(name), kind) or name not in record.values:
                    raise TraceError(f"'{record.event}' lacks its argument '{name}'")
        self.slices = self._find_slices()
        self._by_hart = {}
        for entry in self.slices:
            self._by_hart.setdefault(entry.hart, []).append(entry)
        for entries in self._by_hart.values():
            entries.sort(key=lambda s: (s.begin, s.end))
        self.parks = self._find_parks()
        self.arrows = self._find_arrows()

    def of(self, event):
        """All records of one event."""
        return [record for record in self.trace.records if record.event == event]

    def task_at(self, hart, time):
        """The task that had the hart at that time; 0 if none is known."""
        entries = self._by_hart.get(hart, [])
        at = bisect.bisect_right(entries, time, key=lambda s: s.begin) - 1
        # Clocks are coarse: a slice may begin in the tick in which the one before ended.
        while at >= 0 and entries[at].begin <= time:
            if entries[at].end >= time:
                return entries[at].task
            at -= 1
            if at < 0 or entries[at].end < time:
                break
        return 0

    def span(self):
        """The first and the last time of the trace."""
        times = [record.begin for record in self.trace.records] + [self.trace.now]
        times += [hart.since for hart in self.trace.harts.values() if hart.since]
        return min(times), max([record.time for record in self.trace.records] + [self.trace.now])

    def _find_slices(self):
        found = [
            Slice(r.hart, r.values["task"], r.begin, r.time, r.values["why"])
            for r in self.trace.records
            if r.event == SLICE
        ]
        for number, hart in self.trace.harts.items():
            if hart.doing == "slice":
                now = max(self.trace.now, hart.since)
                found.append(Slice(number, hart.task, hart.since, now, "running", True))
        found.sort(key=lambda s: (s.begin, s.end))
        return found

    def _find_parks(self):
        found = [(r.hart, r.begin, r.time) for r in self.of(PARK)]
        for number, hart in self.trace.harts.items():
            if hart.doing == "park":
                found.append((number, hart.since, max(self.trace.now, hart.since)))
        return sorted(found)

    def _find_arrows(self):
        by_task = {}
        for entry in self.slices:
            by_task.setdefault(entry.task, []).append(entry)
        arrows = []
        for record in self.trace.records:
            if record.event in (WAKE, SPAWN):
                entries = by_task.get(record.values["task"], [])
                # One that was running when it was woken goes on with its next slice.
                at = bisect.bisect_left(entries, record.time, key=lambda s: s.begin)
                arrows.append(Arrow(record, entries[at] if at < len(entries) else None))
        return arrows
