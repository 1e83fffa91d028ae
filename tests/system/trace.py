# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Traces of whole runs: asked for, complete, and right in every number that is known otherwise.

The file for Perfetto's viewer is read back by protoc, against the fields of Perfetto's format.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter

import support
from support import ROOT, guest, run

sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))

from protobuf_text import Tracks  # noqa: E402
from quoll import batch, trace_read  # noqa: E402
from quoll.trace_model import Model  # noqa: E402


class Traces(support.SystemTest):
    def traced(self, *words, status=0, stdin=None):
        """The trace of one run on four harts, whose status is known."""
        with tempfile.NamedTemporaryFile(prefix="quoll-trace-") as file:
            outcome = run("--smp", "4", "--trace", file.name, *words, stdin=stdin)
            self.expect(outcome, status)
            trace = trace_read.read(file.name)
            self.assertTrue(trace.complete)
            self.check_laws(trace)
            self.check_perfetto(file.name, trace)
        return trace

    def check_laws(self, trace):
        """What holds in every trace of a whole run."""
        self.assertEqual(sorted(trace.harts), [0, 1, 2, 3])
        self.assertEqual([trace.lost(hart) for hart in trace.harts], [0] * 4)
        model = Model(trace)
        spawned = {r.values["task"]: r.time for r in model.of("spawn")}
        waits, wakes = Counter(), Counter()
        for entry in model.slices:
            self.assertLessEqual(entry.begin, entry.end)
            self.assertIn(entry.task, spawned | {1: 0})
            waits[entry.task] += entry.why == "suspended"
        for record in model.of("wake"):
            wakes[record.values["task"]] += 1
        for task in spawned:
            # Who waits is woken once; at the end some wait, or were woken and did not run again.
            self.assertIn(waits[task] - wakes[task], (-1, 0, 1), trace.task(task))
        for hart in trace.harts:
            slices = sorted((s.begin, s.end) for s in model.slices if s.hart == hart)
            for before, after in zip(slices, slices[1:]):
                self.assertLessEqual(before[1], after[0])

    def check_perfetto(self, path, trace):
        """The converted file has every record, once, where it belongs."""
        out = path + ".perfetto-trace"
        subprocess.run([os.path.join(ROOT, "tools/trace"), path, "-o", out], check=True)
        with open(out, "rb") as file:
            tracks = Tracks(file.read())
        os.unlink(out)
        counts = Counter(record.event for record in trace.records)
        model = Model(trace)
        on_harts = tracks.events(tracks.under("Harts"))
        for event in ("wake", "spawn", "ipi", "fault", "fence", "interrupt", "device"):
            self.assertEqual(on_harts.get(event, 0), counts[event], event)
        for event in ("guest-start", "guest-end"):
            self.assertEqual(on_harts.get(event, 0), counts[event], event)
        self.assertEqual(on_harts.get("sleeps", 0), len(model.parks))
        owners = tracks.under("Tasks") + tracks.under("Guests")
        own = sum(len(tracks.slices.get(track, ())) for track in owners)
        self.assertEqual(own, len(model.slices))
        calls = tracks.under_any(owners)
        self.assertEqual(sum(len(tracks.slices.get(t, ())) for t in calls), counts["syscall"])
        self.assertEqual(len(tracks.flows), sum(a.target is not None for a in model.arrows))

    def calls_of(self, trace):
        return Counter(r.values["call"] for r in trace.records if r.event == "syscall")

    def test_the_first_programs_record_every_kind_of_event(self):
        seen, table = Counter(), set()
        # Whether a hart sleeps when there is something for it, and is sent an interrupt, is chance.
        for _ in range(5):
            for words in ((guest("hello"),), (guest("primes"), "100"), (guest("cat"),)):
                trace = self.traced(*words, stdin=b"some input\n")
                table |= set(trace.events)
                seen.update(record.event for record in trace.records)
            if table == set(seen):
                break
        self.assertEqual(table, set(seen), "events of the table that did not occur")

    def test_calls_are_as_many_as_the_program_makes(self):
        for kind, call, others in (("yield", "yield", 0), ("stat", "handle_stat", 1),
                                   ("random", "random", 0)):
            trace = self.traced(guest("calls"), kind, "1000")
            # The C library looks at standard input and output once, where it has them.
            self.assertIn(self.calls_of(trace)[call] - 1000, range(others + 1), kind)

    def test_a_guest_begins_and_ends_once_with_its_status(self):
        trace = self.traced(guest("exit_with"), "42", status=42)
        (begun,) = [r for r in trace.records if r.event == "guest-start"]
        (ended,) = [r for r in trace.records if r.event == "guest-end"]
        wanted = {"why": "exited", "guest": begun.values["guest"], "status": 42}
        self.assertEqual(ended.values, wanted)
        self.assertIn("exit_with", trace.task(begun.values["task"]))

    def test_a_guest_that_traps_is_traced_to_its_end(self):
        trace = self.traced(guest("trap_divide_by_zero"), status=134)
        (ended,) = [r for r in trace.records if r.event == "guest-end"]
        self.assertEqual(ended.values["why"], "trapped")

    def test_groups_choose(self):
        with tempfile.NamedTemporaryFile(prefix="quoll-trace-") as file:
            options = ("--trace", file.name, "--append")
            self.expect(run(*options, "trace=syscall,guest", guest("hello")), 0)
            events = {record.event for record in trace_read.read(file.name).records}
            self.assertEqual(events, {"syscall", "guest-start", "guest-end"})
            self.expect(run(*options, "trace=off", guest("hello")), 0)
            self.assertEqual(trace_read.read(file.name).records, [])

    def test_a_ring_that_is_too_small_keeps_the_last_and_counts_the_rest(self):
        with tempfile.NamedTemporaryFile(prefix="quoll-trace-") as file:
            words = ("--append", "trace.size=128", guest("calls"), "yield", "5000")
            self.expect(run("--trace", file.name, *words), 0)
            trace = trace_read.read(file.name)
            self.assertTrue(trace.complete)
            self.assertEqual(len(trace.records), 128)
            self.assertGreater(trace.lost(0), 9000)

    def test_a_file_that_cannot_be_written_is_refused_at_once(self):
        outcome = run("--trace", "/no/such/folder/file", guest("hello"))
        self.assertEqual(outcome.status, 2, str(outcome))

    def test_a_panic_leaves_the_last_records_on_the_console(self):
        image = os.path.join(support.BUILD, "quoll-test.img")
        if not os.path.exists(image):
            support.skip("no kernel test image")
        result = batch.run(image, smp=4, bootargs=["tests=Failures.PanicWithLock"], timeout_s=60)
        self.assertEqual(result.status, 125, result.console[-2000:])
        trace = trace_read.parse(result.console.encode())
        self.assertEqual(sorted(trace.harts), [0, 1, 2, 3])
        self.assertGreater(len(trace.records), 16)
        self.assertLessEqual(len(trace.records), 64)
        self.assertIn("slice", {hart.doing for hart in trace.harts.values()})
        # The panic itself is the last thing that the first hart was at.
        self.assertEqual(trace.ticks_per_second, 10_000_000)


if __name__ == "__main__":
    support.main()
