# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A trace as a file for Perfetto's viewer.

The file is a `Trace` message of the format that Perfetto publishes (protos/perfetto/trace):
packets that describe tracks, and events upon them. The numbers of fields and enumerators below
are those of that format, by the messages' names.

Harts are tracks with what ran on them, their sleep, interrupts and faults. Each task and guest
has a track with its slices; a guest has a second one below it with its system calls, which may
span several slices. Wakes and spawns are arrows from where they happened to the slice that they
led to.
"""

from .protobuf import Message
from .trace_model import PARK, SLICE, SPAWN, SYSCALL, WAKE, Model

# Trace
TRACE_PACKET = 1


class Packet:
    """TracePacket."""

    TIMESTAMP, SEQUENCE_ID, TRACK_EVENT, SEQUENCE_FLAGS, TRACK_DESCRIPTOR = 8, 10, 11, 13, 60
    INCREMENTAL_STATE_CLEARED = 1  # SequenceFlags


class Track:
    """TrackDescriptor; with `counter`, a CounterDescriptor."""

    UUID, NAME, PARENT_UUID, COUNTER, CHILD_ORDERING, SIBLING_ORDER_RANK = 1, 2, 5, 8, 11, 12
    EXPLICIT = 3  # ChildTracksOrdering
    COUNTER_UNIT, UNIT_COUNT = 3, 2


class Event:
    """TrackEvent."""

    DEBUG_ANNOTATIONS, TYPE, TRACK_UUID, CATEGORIES, NAME = 4, 9, 11, 22, 23
    COUNTER_VALUE, FLOW_IDS, TERMINATING_FLOW_IDS = 30, 47, 48
    SLICE_BEGIN, SLICE_END, INSTANT, COUNTER = 1, 2, 3, 4  # Type


class Annotation:
    """DebugAnnotation."""

    UINT_VALUE, STRING_VALUE, NAME = 3, 6, 10


SEQUENCE = 1  # all packets come from one writer

# Tracks by what they show. Tasks, harts and calls have ranges of their own.
HARTS, GUESTS, TASKS, LIVE_TASKS, LIVE_GUESTS = 1, 2, 3, 4, 5
HART_BASE, TASK_BASE, CALL_BASE = 1 << 32, 2 << 32, 3 << 32


class _Interval:
    """Something with a beginning and an end, on one track."""

    def __init__(self, begin, end, name, category, arguments, flows=()):
        self.begin, self.end = begin, end
        self.name, self.category, self.arguments = name, category, arguments
        self.flows = list(flows)


class Writer:
    """Builds the file of one trace."""

    def __init__(self, trace):
        self._trace = trace
        self._model = Model(trace)
        self._guest_tasks = {task for task, _ in trace.guests.values()}
        self._out = []
        self._points = []  # (time, order, message): sorted before they are written
        self._origin = self._model.span()[0]
        self._intervals = {}  # track -> [_Interval]

    def encoded(self):
        """The whole file."""
        self._collect_slices()
        self._collect_calls()
        self._collect_rest()
        self._describe_tracks()
        for track, intervals in self._intervals.items():
            self._nest(track, intervals)
        self._count_lives()
        self._points.sort(key=lambda point: point[:2])
        for time, _, event in self._points:
            packet = Message().number(Packet.TIMESTAMP, self._nanoseconds(time))
            self._packet(packet.message(Packet.TRACK_EVENT, event))
        return b"".join(self._out)

    def _nanoseconds(self, ticks):
        return (ticks - self._origin) * 1_000_000_000 // self._trace.ticks_per_second

    def _packet(self, packet):
        packet.number(Packet.SEQUENCE_ID, SEQUENCE)
        if not self._out:
            packet.number(Packet.SEQUENCE_FLAGS, Packet.INCREMENTAL_STATE_CLEARED)
        self._out.append(Message().message(TRACE_PACKET, packet).encoded())

    # Tracks.

    def _track(self, uuid, name, parent=0, rank=None, ordered=False, counter=False):
        track = Message().number(Track.UUID, uuid).text(Track.NAME, name)
        if parent:
            track.number(Track.PARENT_UUID, parent)
        if ordered:
            track.number(Track.CHILD_ORDERING, Track.EXPLICIT)
        if rank is not None:
            track.number(Track.SIBLING_ORDER_RANK, rank)
        if counter:
            track.message(Track.COUNTER, Message().number(Track.COUNTER_UNIT, Track.UNIT_COUNT))
        self._packet(Message().message(Packet.TRACK_DESCRIPTOR, track))

    def _describe_tracks(self):
        self._track(HARTS, "Harts", ordered=True)
        for hart in sorted(self._trace.harts):
            self._track(HART_BASE + hart, f"hart {hart}", HARTS, rank=hart)
        self._track(GUESTS, "Guests", ordered=True)
        self._track(TASKS, "Tasks", ordered=True)
        tasks = {track - TASK_BASE for track in self._intervals if TASK_BASE <= track < CALL_BASE}
        tasks |= {track - CALL_BASE for track in self._intervals if track >= CALL_BASE}
        for task in sorted(tasks):
            group = GUESTS if task in self._guest_tasks else TASKS
            self._track(TASK_BASE + task, self._trace.task(task), group, rank=task)
            if CALL_BASE + task in self._intervals:
                self._track(CALL_BASE + task, "calls", TASK_BASE + task)
        self._track(LIVE_TASKS, "tasks spawned and not ended", counter=True)
        self._track(LIVE_GUESTS, "guests running", counter=True)

    # Events.

    def _event(self, kind, track, name=None, category=None, arguments=None):
        event = Message().number(Event.TYPE, kind).number(Event.TRACK_UUID, track)
        if name is not None:
            event.text(Event.NAME, name)
        if category is not None:
            event.text(Event.CATEGORIES, category)
        for key, value in (arguments or {}).items():
            annotation = Message().text(Annotation.NAME, key)
            if isinstance(value, int):
                annotation.number(Annotation.UINT_VALUE, value)
            else:
                annotation.text(Annotation.STRING_VALUE, str(value))
            event.message(Event.DEBUG_ANNOTATIONS, annotation)
        return event

    def _at(self, time, event):
        self._points.append((time, len(self._points), event))

    def _group(self, record):
        known = self._trace.events.get(record.event)
        return known.group if known else record.event

    def _add(self, track, interval):
        self._intervals.setdefault(track, []).append(interval)

    def _nest(self, track, intervals):
        """Begins and ends of one track, each slice within the one that it began in."""
        points = []
        stack = []

        def close(until):
            while stack and stack[-1] <= until:
                points.append((stack.pop(), self._event(Event.SLICE_END, track)))

        for interval in sorted(intervals, key=lambda i: (i.begin, -i.end)):
            close(interval.begin)
            event = self._event(
                Event.SLICE_BEGIN, track, interval.name, interval.category, interval.arguments
            )
            for flow, is_last in interval.flows:
                event.fixed64(Event.TERMINATING_FLOW_IDS if is_last else Event.FLOW_IDS, flow)
            points.append((interval.begin, event))
            # Two clocks of one tick: what began inside ends inside.
            stack.append(min(interval.end, stack[-1]) if stack else interval.end)
        close(max(stack, default=0))
        for time, event in points:
            self._at(time, event)

    def _collect_slices(self):
        arrows = {}
        for flow, arrow in enumerate(self._model.arrows, start=1):
            self._collect_arrow(flow, arrow)
            if arrow.target is not None:
                arrows.setdefault(id(arrow.target), []).append((flow, True))
        for entry in self._model.slices:
            flows = arrows.get(id(entry), ())
            name = self._trace.task(entry.task)
            arguments = {"task": entry.task, "hart": entry.hart, "why": entry.why}
            interval = _Interval(entry.begin, entry.end, name, "sched", arguments, flows)
            self._add(HART_BASE + entry.hart, interval)
            own = _Interval(entry.begin, entry.end, f"hart {entry.hart}", "sched", arguments)
            self._add(TASK_BASE + entry.task, own)
        for hart, begin, end in self._model.parks:
            self._add(HART_BASE + hart, _Interval(begin, end, "sleeps", "sched", {}))

    def _collect_arrow(self, flow, arrow):
        record = arrow.record
        name = f"{record.event} {self._trace.task(record.values['task'])}"
        event = self._event(
            Event.INSTANT, HART_BASE + record.hart, name, self._group(record), record.values
        )
        if arrow.target is not None:
            event.fixed64(Event.FLOW_IDS, flow)
        self._at(record.time, event)

    def _collect_calls(self):
        for record in self._model.of(SYSCALL):
            task = self._model.task_at(record.hart, record.time)
            name = str(record.values["call"])
            arguments = {"error": record.values["error"], "value": record.values["value"]}
            interval = _Interval(record.begin, record.time, name, "syscall", arguments)
            self._add(CALL_BASE + task, interval)

    def _collect_rest(self):
        """Everything else is a slice on its hart if it took time, and an instant if not."""
        for record in self._trace.records:
            if record.event in (SLICE, PARK, WAKE, SPAWN, SYSCALL):
                continue
            arguments = {key: value for key, value in record.values.items() if key != "begin"}
            track, name = HART_BASE + record.hart, self._name(record)
            if "begin" in record.values:
                self._add(
                    track,
                    _Interval(record.begin, record.time, name, self._group(record), arguments),
                )
            else:
                event = self._event(Event.INSTANT, track, name, self._group(record), arguments)
                self._at(record.time, event)

    @staticmethod
    def _name(record):
        """The event, with the first of its words: `fence pages`, `interrupt timer`."""
        for value in record.values.values():
            if isinstance(value, str):
                return f"{record.event} {value}"
        return record.event

    def _count_lives(self):
        self._count(LIVE_TASKS, [(r.time, 1) for r in self._model.of(SPAWN)]
                    + [(s.end, -1) for s in self._model.slices if s.why == "ended"])
        self._count(LIVE_GUESTS, [(r.time, 1) for r in self._model.of("guest-start")]
                    + [(r.time, -1) for r in self._model.of("guest-end")])

    def _count(self, track, changes):
        # Those that were there before the trace began have only their ends in it.
        changes.sort()
        level, lowest = 0, 0
        for _, change in changes:
            level += change
            lowest = min(lowest, level)
        level = -lowest
        for time, change in changes:
            level += change
            self._at(time, self._event(Event.COUNTER, track).number(Event.COUNTER_VALUE, level))


def convert(trace):
    """The bytes of a `.perfetto-trace` file."""
    return Writer(trace).encoded()
