# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a kernel test declares about its machine's console (kernel/tests, expectation.hpp), read
from the list of tests, and compared with what a machine has said."""

import re
from dataclasses import dataclass, field

ANYTHING = "…"
INLINED = " (inlined)"
KERNEL_STOPPED = 125

TEST = re.compile(r"^\[ TEST     \] (\S+) (\w+)$")
EXPECTS = re.compile(r"^\[ EXPECTS  \] (\w+) ?(.*)$")
REPORT = re.compile(r"^(KERNEL )?PANIC on hart (\d+)(?: in task \d+ \(.*?\))?: (.*)$")


@dataclass
class Report:
    """One report that a test declares: its message, and who its backtrace names."""

    message: str
    names: list[str] = field(default_factory=list)


@dataclass
class Test:
    """One test as the image lists it. `kind` is usual, apart or death."""

    name: str
    kind: str
    reports: list[Report] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    harts: list[int] = field(default_factory=list)
    bootargs: list[str] = field(default_factory=list)
    times_each_hart: int = 0

    @property
    def declares_anything(self):
        """Whether there is more to see than that it passes."""
        return bool(self.reports or self.prints or self.kind == "death")


def parse_list(console):
    """The tests by name, as `tests.list` prints them."""
    tests, test = {}, None
    for line in console.splitlines():
        head, row = TEST.match(line), EXPECTS.match(line)
        if head:
            test = tests[head.group(1)] = Test(*head.groups())
        elif row:
            _declare(test, *row.groups())
    return tests


def _declare(test, word, text):
    if word in ("says", "then"):
        test.reports.append(Report(text))
    elif word == "names":
        if not test.reports:
            test.reports.append(Report(ANYTHING))
        test.reports[-1].names.append(text)
    elif word == "prints":
        test.prints.append(text)
    elif word == "harts":
        test.harts.append(int(text))
    elif word == "bootargs":
        test.bootargs.append(text)
    elif word == "on_each_hart":
        test.times_each_hart = int(text)
    elif word in ("within", "unbalanced"):
        pass  # the kernel's own business
    elif word not in ("beside_others", "within", "unbalanced"):  # those are the image's own
        raise ValueError(f"{test.name} declares {word!r}, which nobody understands")


def pattern(text):
    """A regular expression for a text in which `…` stands for anything."""
    return ".*".join(re.escape(part) for part in text.split(ANYTHING))


def matches(text, wanted):
    """Whether the whole of `text` is as wanted."""
    return re.fullmatch(pattern(wanted), text) is not None


def contains(line, wanted):
    """Whether a part of the line is as wanted."""
    return re.search(pattern(wanted), line) is not None


def names_function(line, wanted):
    """Whether a line of a backtrace names that function, and as inlined if it says so."""
    inlined = wanted.endswith(INLINED)
    name = wanted.removesuffix(INLINED)
    if inlined and "inlined" not in line:
        return False
    return re.search(rf"(?<![\w~]){pattern(name)}(?!\w)", line) is not None


def segment(console, test):
    """What was said while that test ran; None when it was not started."""
    start = re.search(rf"^\[ RUN      \] {re.escape(test)}$", console, re.MULTILINE)
    if not start:
        return None
    rest = console[start.end():]
    end = re.search(rf"^\[ +(OK|FAILED|SKIPPED) +\] {re.escape(test)}\b", rest, re.MULTILINE)
    return rest[: end.end()] if end else rest


def split_reports(text):
    """(stops, hart, message, lines) of each report in order."""
    reports = []
    for line in text.splitlines():
        head = REPORT.match(line)
        if head:
            reports.append((bool(head.group(1)), int(head.group(2)), head.group(3), []))
        elif reports:
            reports[-1][3].append(line)
    return reports


def missing_name(lines, names):
    """The first of `names` that does not come in its place; None when all do."""
    rest = iter(lines)
    for name in names:
        if not any(names_function(line, name) for line in rest):
            return name
    return None


def check(test, console, status, harts):
    """What is wrong with a machine that ran `test` among others; an empty list when nothing is."""
    text = segment(console, test.name)
    if text is None:
        return ["it was not run"]
    wrong = []
    said = split_reports(text)
    wanted = test.reports
    if test.times_each_hart:
        wanted = wanted * test.times_each_hart * harts
    if test.kind == "death":
        if status != KERNEL_STOPPED:
            wrong.append(f"the machine ended with {status} instead of {KERNEL_STOPPED}")
        if wanted and said and not said[-1][0]:
            wrong.append("the last report is not that of a machine that stops")
    elif any(stops for stops, _, _, _ in said):
        wrong.append("the machine stopped")
    if len(said) != len(wanted):
        wrong.append(f"{len(said)} reports instead of {len(wanted)}: "
                     + "; ".join(message for _, _, message, _ in said[:4]))
    for number, (report, (_, _, message, lines)) in enumerate(zip(wanted, said), 1):
        if not matches(message, report.message):
            wrong.append(f"report {number} says {message!r} instead of {report.message!r}")
        name = missing_name(lines, report.names)
        if name is not None:
            wrong.append(f"report {number} does not name {name}")
    lines = text.splitlines()
    for part in test.prints:
        if not any(contains(line, part) for line in lines):
            wrong.append(f"the console lacks {part!r}")
    if not any("panic while panicking" in part for part in test.prints):
        wrong += [f"unexpected: {line}" for line in lines if "panic while panicking" in line]
    return wrong
