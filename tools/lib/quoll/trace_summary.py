# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A trace in a page of text."""

from collections import Counter, defaultdict

from .trace_model import SYSCALL, WAKE, Model


def _percentile(sorted_values, percent):
    if not sorted_values:
        return 0
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


def _time(ticks, trace):
    nanoseconds = ticks * 1_000_000_000 // trace.ticks_per_second
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3f} {unit}"
    return f"{nanoseconds} ns"


def _table(head, rows):
    """Left-aligned words, right-aligned numbers."""
    cells = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        yield "  " + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()


def _harts(model):
    trace = model.trace
    first, last = model.span()
    busy, slept = Counter(), Counter()
    for entry in model.slices:
        busy[entry.hart] += entry.end - entry.begin
    for hart, begin, end in model.parks:
        slept[hart] += end - begin
    kept = Counter(record.hart for record in trace.records)
    rows = []
    for hart in sorted(trace.harts):
        # A ring that has come round knows less than the whole time.
        times = [r.begin for r in trace.records if r.hart == hart]
        known = max(last - (min(times) if times else first), 1)
        rows.append(
            (
                f"hart {hart}",
                f"{100 * min(busy[hart], known) / known:.1f} %",
                f"{100 * min(slept[hart], known) / known:.1f} %",
                kept[hart],
                trace.lost(hart),
            )
        )
    yield from _table(["hart", "runs", "sleeps", "records", "lost"], rows)


def _tasks(model):
    run, count = Counter(), Counter()
    for entry in model.slices:
        run[entry.task] += entry.end - entry.begin
        count[entry.task] += 1
    rows = [
        (model.trace.task(task), _time(ticks, model.trace), count[task])
        for task, ticks in run.most_common()
    ]
    yield from _table(["task", "ran", "slices"], rows)


def _wakes(model):
    latencies = defaultdict(list)
    for arrow in model.arrows:
        if arrow.record.event == WAKE and arrow.target is not None:
            latencies[arrow.record.values["from"]].append(arrow.target.begin - arrow.record.time)
    rows = []
    for source, values in sorted(latencies.items()):
        values.sort()
        shown = [_time(_percentile(values, p), model.trace) for p in (50, 90, 99)]
        rows.append((f"by a {source}", len(values), *shown, _time(values[-1], model.trace)))
    yield from _table(["wake to run", "count", "50 %", "90 %", "99 %", "longest"], rows)


def _calls(model):
    count, ticks, failed = Counter(), Counter(), Counter()
    for record in model.of(SYSCALL):
        call = str(record.values["call"])
        count[call] += 1
        ticks[call] += record.time - record.begin
        failed[call] += record.values["error"] not in ("ok", 0)
    rows = [
        (
            call,
            count[call],
            failed[call],
            _time(ticks[call], model.trace),
            _time(ticks[call] // count[call], model.trace),
        )
        for call, _ in count.most_common()
    ]
    yield from _table(["system call", "count", "failed", "time", "each"], rows)


def _events(model):
    count = Counter(record.event for record in model.trace.records)
    names = list(model.trace.events) or sorted(count)
    yield from _table(["event", "count"], [(name, count[name]) for name in names])


def summary(trace):
    """The lines of the page."""
    model = Model(trace)
    first, last = model.span()
    yield f"{len(trace.records)} records over {_time(last - first, trace)}"
    if not trace.complete:
        yield "The file is cut off or damaged: this is what it still says."
    for part in (_harts, _tasks, _wakes, _calls, _events):
        yield ""
        yield from part(model)
