# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What two engines say of the same modules, side by side."""

import collections

EXHAUSTED = ("  trap exhausted", "ended: exhausted")


def split(text):
    """{number: lines} of what a player prints; lines of a module that it did not end are
    followed by "died"."""
    found, lines = {}, None
    for line in text.splitlines():
        if line.startswith("module "):
            lines = found[int(line.split()[1])] = ["died"]
        elif line == "end":
            lines.pop()
        else:
            lines.insert(len(lines) - 1, line)
    return found


def _exhausted(lines):
    """Where an engine ran out of stack or memory, or the number of lines."""
    places = (n for n, line in enumerate(lines) if line.startswith(EXHAUSTED))
    return next(places, len(lines))


def first_difference(ours, theirs):
    """The number of the first line that differs, or None. How much stack and memory there is is up
    to an engine: where one has run out of it, nothing behind counts."""
    end = min(_exhausted(ours), _exhausted(theirs))
    for number in range(end):
        pair = [lines[number] if number < len(lines) else None for lines in (ours, theirs)]
        if pair[0] != pair[1]:
            return number
    ended = end < max(len(ours), len(theirs))
    exhausted = end < len(ours) and end == _exhausted(ours)
    exhausted |= end < len(theirs) and end == _exhausted(theirs)
    return end if ended and not exhausted else None


def count(ours, theirs):
    """A Counter of what was compared, of a module whose runs do not differ."""
    counts = collections.Counter()
    lines = ours[: min(_exhausted(ours), _exhausted(theirs))]
    if ours == ["refused"]:
        counts["refused by both"] += 1
        return counts
    counts["executed"] += 1
    counts["cut short by exhaustion"] += len(lines) < max(len(ours), len(theirs))
    for line in lines:
        first = line.split()[0]
        if first == "trap":
            counts[line.split(",")[0].strip()] += 1
        elif first == "ended:":
            counts["trapped when instantiated"] += 1
        else:
            counts[{"=": "results", "log": "logged values", "call": "calls"}.get(first, first)] += 1
    return counts
