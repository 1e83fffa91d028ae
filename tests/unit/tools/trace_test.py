# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/trace: reading dumps and consoles, the summary, and the file for Perfetto's viewer."""

import os
import random
import struct
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))
sys.path.insert(0, os.path.join(HERE, "../../support"))

from protobuf_text import Tracks  # noqa: E402
from quoll import protobuf, trace_perfetto, trace_read, trace_summary  # noqa: E402
from quoll.trace_model import Model  # noqa: E402

# A table as a kernel would write it; one of its events is known to nobody here.
EVENTS = {
    "slice": (1, "sched", ["why choice small 0 2 suspended|yielded|ended", "name text small 2 22 ",
                           "task task first 0 64 ", "begin begin second 0 64 "]),
    "park": (2, "sched", ["begin begin first 0 64 "]),
    "spawn": (3, "sched", ["name text small 2 22 ", "task task first 0 64 ",
                           "by task second 0 64 "]),
    "wake": (4, "wake", ["from choice small 0 2 task|interrupt|timer", "task task first 0 64 ",
                         "by task second 0 64 "]),
    "syscall": (5, "syscall", ["call syscall small 0 8 ", "error error small 8 8 ",
                               "value number first 0 64 ", "begin begin second 0 64 "]),
    "guest-start": (6, "guest", ["guest guest first 0 64 ", "task task second 0 64 "]),
    "novelty": (9, "news", ["depth number small 3 5 ", "begin begin first 0 64 "]),
}


def chunk(tag, content):
    head = tag.encode() + struct.pack("<I", len(content))
    return head + content + bytes(-len(content) % 8)


class Dump:
    """Writes a dump as docs/tracing.md describes it."""

    def __init__(self, ticks=10_000_000, now=100_000):
        self.parts = [b"QLTRACE1", chunk("INFO", struct.pack("<4Q", ticks, now, 0, 2))]
        for name, (number, group, fields) in EVENTS.items():
            text = "\n".join([f"{number} {name} {group}", *fields]) + "\n"
            self.parts.append(chunk("EVNT", text.encode()))
        self.parts.append(chunk("WORD", b"syscall\n1 yield\n2 clock_get\n"))
        self.parts.append(chunk("WORD", b"error\n0 ok\n"))
        self.total = 0

    def hart(self, number, records, *, written=None, task=0, begin=0, name=0):
        """`records`: (event, time, small, first, second)."""
        written = len(records) if written is None else written
        self.parts.append(
            chunk("HART", struct.pack("<6Q", number, 1024, written, task, begin, name))
        )
        body = struct.pack("<Q", number)
        for i, (event, time, small, first, second) in enumerate(records):
            order = (written - len(records) + i) & 0xFFFFFFFF
            header = EVENTS[event][0] | small << 8 | order << 32
            body += struct.pack("<4Q", header, time, first, second)
        self.parts.append(chunk("RECS", body))
        self.total += len(records)
        return self

    def finish(self):
        self.parts.append(chunk("NAME", b"7 boot\n"))
        self.parts.append(chunk("GSTS", b"1 12 a program.wasm\n"))
        self.parts.append(chunk("LATE", b"a chunk of a later kernel"))
        self.parts.append(chunk("DONE", struct.pack("<Q", self.total)))
        return b"".join(self.parts)


def example():
    """Two harts: boot wakes the guest's task, which makes two calls, one over two slices."""
    first = [
        ("slice", 1000, 7 << 2 | 0, 1, 100),
        ("spawn", 1500, 7 << 2, 12, 1),
        ("wake", 1600, 0, 12, 1),
        ("slice", 2000, 7 << 2 | 2, 1, 1200),
        ("park", 9000, 0, 2000, 0),
    ]
    second = [
        ("guest-start", 1700, 0, 1, 12),
        ("syscall", 1800, 1, 0, 1750),
        ("slice", 2500, 1, 12, 1650),
        ("novelty", 2600, 5 << 3, 2550, 0),
        ("syscall", 3600, 2, 77, 2400),
        ("slice", 4000, 2, 12, 3000),
    ]
    return Dump().hart(0, first).hart(1, second)


class Reading(unittest.TestCase):
    def test_every_value_by_its_name_and_word(self):
        trace = trace_read.parse(example().finish())
        self.assertTrue(trace.complete)
        self.assertEqual(len(trace.records), 11)
        found = {(r.event, r.time): r for r in trace.records}
        call = found["syscall", 3600]
        wanted = {"call": "clock_get", "error": "ok", "value": 77, "begin": 2400}
        self.assertEqual(call.values, wanted)
        self.assertEqual((call.hart, call.number), (1, 4))
        self.assertEqual(found["slice", 1000].values["name"], "boot")
        self.assertEqual(found["slice", 1000].values["why"], "suspended")
        self.assertEqual(found["novelty", 2600].values["depth"], 5)
        self.assertEqual(trace.task(12), "a program.wasm (12)")
        self.assertEqual(trace.task(1), "boot (1)")
        self.assertEqual(trace.task(99), "task 99")

    def test_numbers_beyond_32_bits_and_losses(self):
        records = [("park", i, 0, i, 0) for i in range(10)]
        written = (1 << 32) + 4
        trace = trace_read.parse(Dump().hart(0, records, written=written).finish())
        self.assertEqual([r.number for r in trace.records], list(range(written - 10, written)))
        self.assertEqual(trace.lost(0), written - 10)

    def test_a_file_cut_off_anywhere_is_read_or_refused(self):
        whole = example().finish()
        for size in range(len(whole)):
            try:
                trace = trace_read.parse(whole[:size])
            except trace_read.TraceError:
                continue
            self.assertFalse(trace.complete)
            list(trace_summary.summary(trace))
            trace_perfetto.convert(trace)

    def test_damaged_bytes_are_read_or_refused(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        whole = bytearray(example().finish())
        for _ in range(500):
            damaged = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(8, len(damaged))] ^= 1 << chance.randrange(8)
            try:
                trace = trace_read.parse(bytes(damaged))
                list(trace_summary.summary(trace))
                trace_perfetto.convert(trace)
            except trace_read.TraceError:
                pass

    def test_lines_of_a_panic_say_the_same(self):
        console = (
            "OpenSBI and more\r\n"
            "trace: 10000000 ticks a second\r\n"
            "trace: hart 1 now 5000 runs task 12 guest since 3000\r\n"
            "trace: hart 1 #7 1800 syscall call=yield error=bad handle value=3 begin=1750\r\n"
            "trace: hart 1 #8 2500 slice why=yielded name=virtio-console task=3 begin=1650\r\n"
            "trace: hart 0 now 5001 sleeps since 2000\r\n"
            "trace: hart 0 #3 2600 fence of=pages pages=1 address=0x1000 harts=0x3\r\n"
        )
        trace = trace_read.parse(console.encode())
        found = {r.event: r for r in trace.records}
        self.assertEqual(found["syscall"].values,
                         {"call": "yield", "error": "bad handle", "value": 3, "begin": 1750})
        self.assertEqual(found["fence"].values["address"], 0x1000)
        self.assertEqual(trace.task(3), "virtio-console (3)")
        self.assertEqual(trace.harts[1].doing, "slice")
        self.assertEqual((trace.harts[0].doing, trace.harts[0].since), ("park", 2000))
        self.assertEqual(trace.lost(1), 7)
        self.assertTrue(trace_perfetto.convert(trace))

    def test_anything_else_is_refused(self):
        for data in (b"", b"hello\n", bytes(100)):
            with self.assertRaises(trace_read.TraceError):
                trace_read.parse(data)


class Relations(unittest.TestCase):
    def test_a_wake_leads_to_the_next_slice_of_its_task(self):
        model = Model(trace_read.parse(example().finish()))
        (wake,) = [a for a in model.arrows if a.record.event == "wake"]
        self.assertEqual((wake.target.hart, wake.target.begin), (1, 1650))

    def test_a_call_belongs_to_the_task_that_had_the_hart(self):
        model = Model(trace_read.parse(example().finish()))
        self.assertEqual(model.task_at(1, 1800), 12)
        self.assertEqual(model.task_at(0, 1100), 0)
        self.assertEqual(model.task_at(5, 1100), 0)

    def test_what_goes_on_at_the_end_counts_until_then(self):
        dump = Dump().hart(0, [], task=12, begin=40_000).hart(1, [], task=(1 << 64) - 1, begin=1)
        model = Model(trace_read.parse(dump.finish()))
        (entry,) = model.slices
        self.assertEqual((entry.begin, entry.end, entry.open), (40_000, 100_000, True))
        self.assertEqual(model.parks, [(1, 1, 100_000)])


class Summary(unittest.TestCase):
    def test_the_page_has_the_numbers(self):
        lines = list(trace_summary.summary(trace_read.parse(example().finish())))
        page = "\n".join(" ".join(line.split()) for line in lines)
        self.assertIn("11 records", page)
        self.assertIn("a program.wasm (12) 185.000 us 2", page)
        self.assertIn("boot (1) 170.000 us 2", page)
        self.assertIn("by a task 1 5.000 us", page)
        self.assertIn("clock_get 1 0 120.000 us 120.000 us", page)
        self.assertIn("novelty 1", page)

    def test_a_file_that_was_cut_off_is_called_so(self):
        whole = example().finish()
        lines = list(trace_summary.summary(trace_read.parse(whole[:-8])))
        self.assertIn("cut off", lines[1])


class Perfetto(unittest.TestCase):
    def setUp(self):
        self.tracks = Tracks(trace_perfetto.convert(trace_read.parse(example().finish())))

    def named(self, name):
        (uuid,) = [uuid for uuid, known in self.tracks.names.items() if known == name]
        return uuid

    def test_harts_tasks_and_guests_are_tracks(self):
        self.assertEqual([self.tracks.names[t] for t in self.tracks.under("Harts")],
                         ["hart 0", "hart 1"])
        self.assertEqual([self.tracks.names[t] for t in self.tracks.under("Tasks")], ["boot (1)"])
        self.assertEqual([self.tracks.names[t] for t in self.tracks.under("Guests")],
                         ["a program.wasm (12)"])
        self.assertEqual([self.tracks.names[t] for t in self.tracks.under("a program.wasm (12)")],
                         ["calls"])

    def test_slices_have_their_times_in_nanoseconds_from_the_first(self):
        slices = [s[:3] for s in self.tracks.slices[self.named("a program.wasm (12)")]]
        self.assertEqual(slices, [(155_000, 240_000, "hart 1"), (290_000, 390_000, "hart 1")])

    def test_a_call_may_span_slices(self):
        calls = [s[:3] for s in self.tracks.slices[self.named("calls")]]
        self.assertEqual(calls, [(165_000, 170_000, "yield"), (230_000, 350_000, "clock_get")])

    def test_an_event_that_nobody_knows_is_shown_all_the_same(self):
        self.assertIn("novelty", [s[2] for s in self.tracks.slices[self.named("hart 1")]])

    def test_wakes_and_spawns_are_arrows(self):
        self.assertEqual(len(self.tracks.flows), 2)

    def test_whatever_the_intervals_slices_nest(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        records = []
        for _ in range(300):
            begin = chance.randrange(1, 200)
            end = begin + chance.randrange(0, 50)
            records.append(("novelty", end, 0, begin, 0))
        # Its maker checks: no slice without an end, no end without a slice, times in order.
        tracks = Tracks(trace_perfetto.convert(trace_read.parse(Dump().hart(0, records).finish())))
        self.assertEqual(sum(len(s) for s in tracks.slices.values()), 300)


class Protobuf(unittest.TestCase):
    def test_numbers_as_the_wire_format_has_them(self):
        self.assertEqual(protobuf.varint(0), b"\0")
        self.assertEqual(protobuf.varint(127), b"\x7f")
        self.assertEqual(protobuf.varint(300), b"\xac\x02")
        self.assertEqual(protobuf.varint(-1), b"\xff" * 9 + b"\x01")

    def test_fields_bear_number_and_kind(self):
        message = protobuf.Message().number(1, 150).text(2, "testing")
        self.assertEqual(message.encoded(), b"\x08\x96\x01\x12\x07testing")
        outer = protobuf.Message().message(3, protobuf.Message().number(1, 150)).fixed64(47, 1)
        self.assertEqual(outer.encoded(), b"\x1a\x03\x08\x96\x01\xf9\x02" + b"\1" + b"\0" * 7)


if __name__ == "__main__":
    unittest.main()
