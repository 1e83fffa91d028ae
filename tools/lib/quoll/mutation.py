# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Mutations of the sources: what could be taken away or weakened without a compiler's word.

Each is one line that changes, or goes, by a pattern. Nothing here knows what a line means; whether
tests notice is what `tools/mutate` finds out."""

import glob
import os
import random
import re
from dataclasses import dataclass

# Where fences, locks, orders, checks and accounts stand that memory and tasks rely on.
PARTS = {
    "mechanism": (
        "libs/paging/include/quoll/paging/*.hpp",
        "kernel/mem/include/quoll/kernel/mem/frame_alloc/*.hpp",
        "kernel/mem/include/quoll/kernel/mem/frame_alloc*.hpp",
        "kernel/mem/src/frame_alloc/*.cpp",
        "kernel/mem/src/frame_alloc*.cpp",
        "kernel/mem/**/flush*",
        "kernel/mem/**/activation*",
        "kernel/mem/**/vm_space*",
        "kernel/mem/**/asid*",
        "kernel/mem/src/kernel_space.cpp",
    ),
    "policy": (
        "kernel/mem/**/vmo/*",
        "kernel/mem/**/vmo.*",
        "kernel/mem/src/address_space/*",
        "kernel/mem/**/address_space.hpp",
        "kernel/mem/**/region*.hpp",
        "kernel/mem/**/page_fault.cpp",
        "kernel/mem/**/fault_ahead.cpp",
        "kernel/mem/**/fill_quickly.hpp",
        "kernel/mem/**/gap.*",
        "kernel/mem/**/placement*.hpp",
        "kernel/mem/**/space_limits.hpp",
        "kernel/mem/**/mmap.*",
        "kernel/mem/**/user_copy.*",
        "kernel/mem/**/user_access.*",
    ),
    "async": ("libs/async/include/quoll/async/**/*.hpp", "libs/async/src/*.cpp"),
}
# What proves nothing by failing: assertions are tests themselves.
LEFT_ALONE = re.compile(r"^\s*(//|#|\*)|static_assert|ASSERT|concept |template <|operator|= delete;")
STATEMENT = r"^\s+(if \(.*\) )?[\w:.>()\[\]*&-]*"
REFUSAL = (
    r"return ((base::)?err\(|to_outcome\(|FaultOutcome::k(?!Resolved)|std::nullopt;|false;)"
)
# `a.b->c().`, or nothing.
OBJECT = r"(?:\w+(?:\(\))?(?:\.|->))*"
WORDS = r"\((?:[^()]|\([^()]*\))*\)"
# Members, what is used, and what is going to be charged.
COUNTED = rf"(?<![\w.>])({OBJECT}\w*(?:_|usage)(?:\.\w+)?|charge|copies)"


@dataclass(frozen=True)
class Mutant:
    """One changed line. `line` counts from 1; `after` is None when the line goes."""

    file: str
    line: int
    rule: str
    before: str
    after: str | None

    @property
    def key(self):
        """What stays when lines move."""
        return (self.file, self.rule, self.before.strip(), (self.after or "").strip())

    def describe(self):
        """For people."""
        after = "(removed)" if self.after is None else self.after.strip()
        return f"{self.file}:{self.line}: {self.rule}: {self.before.strip()}  =>  {after}"


def _removed(rule, pattern):
    found = re.compile(pattern)
    return rule, lambda line: [None] if found.search(line) else []


def _replaced(rule, pattern, into):
    found = re.compile(pattern)

    def mutate(line):
        code = line.split("//")[0]
        return [
            code[: match.start()] + match.expand(into) + line[match.end() :]
            for match in found.finditer(code)
        ]

    return rule, mutate


CHANGES = re.compile(r"\.(store|exchange|fetch_\w+|compare_exchange_\w+)\(")


def _relaxed_calls(line):
    """Calls that say no order, with one that orders nothing."""
    for match in CHANGES.finditer(line.split("//")[0]):
        depth, end = 1, match.end()
        while end < len(line) and depth > 0:
            depth += {"(": 1, ")": -1}.get(line[end], 0)
            end += 1
        words = line[match.end() : end - 1]
        if depth == 0 and words and "memory_order" not in words:
            yield line[: end - 1] + ", std::memory_order_relaxed" + line[end - 1 :]


OPENING, CLOSING = "([{", ")]}"
ENDS = (" ? ", " : ", ", ", "; ", ";", " = ", "return ")


def _operand_before(code, end, weaker):
    """Where the operand begins that ends there; nothing if that is in another line."""
    depth = 0
    for start in range(end, 0, -1):
        if depth == 0 and code[:start].endswith(ENDS + weaker):
            return start
        depth += (code[start - 1] in CLOSING) - (code[start - 1] in OPENING)
        if depth < 0:
            return start
    return len(code) - len(code.lstrip()) if depth == 0 else None


def _operand_behind(code, start, weaker):
    """Where the operand ends that begins there; nothing if that is in another line."""
    depth = 0
    for end in range(start, len(code)):
        if depth == 0 and code[end:].startswith(ENDS + weaker):
            return end
        depth += (code[end] in OPENING) - (code[end] in CLOSING)
        if depth < 0:
            return end
    return len(code.rstrip()) if depth == 0 else None


def _partial_conditions(line):
    """Conditions with one operand less."""
    code = line.split("//")[0]
    for match in re.finditer(r" (\|\||&&)(?= |$)", code):
        neutral = "false" if match[1] == "||" else "true"
        weaker = ("|| ", " ||") if match[1] == "||" else ("|| ", " ||", "&& ", " &&")
        ends = [
            (_operand_before(code, match.start(), weaker), match.start()),
            (match.end() + 1, _operand_behind(code, match.end() + 1, weaker)),
        ]
        for start, end in ends:
            if start is not None and end is not None and code[start:end].strip():
                yield line[:start] + neutral + line[end:]


RULES = (
    _replaced("order", r"memory_order_(acquire|release|acq_rel|seq_cst)", "memory_order_relaxed"),
    _replaced("order", r"__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)", "__ATOMIC_RELAXED"),
    # What says no order is sequentially consistent.
    _replaced("order", r"\.load\(\)", ".load(std::memory_order_relaxed)"),
    ("order", lambda line: list(_relaxed_calls(line))),
    _removed("lock", r"^\s+(const )?(sync::|detail::)?(LockGuard|InterruptGuard)\b.*;"),
    _removed("lock", STATEMENT + r"\b(un)?lock\w*\(.*\);"),
    _removed("fence", STATEMENT + r"\w*fence\w*\(.*\);"),
    _removed(
        "flush",
        STATEMENT + r"\b(include|retire|apply|dispatch|hold|unmap_pages|forbid_writing)\(.*\);",
    ),
    _replaced("flush", r"FenceReach::kAll\b", "FenceReach::kLocal"),
    _removed("step", r"^\s+[^=]*\b\w*(active_harts|generation|stale|walking|harts_)\w*[^=]*\(.*\);"),
    _removed("check", r"^\s+(if \(.*\) )?TRY\(.*\);"),
    _removed("check", r"^\s+if \(.*\) " + REFUSAL),
    _replaced("check", r"^(\s+)if \((?=.*\{$)(.*)\) \{$", r"\1if (false && (\2)) {"),
    _replaced("bound", r" <= (?!>)", " < "),
    _replaced("bound", r"(?<=[\w)\]]) < (?=[\w(])", " <= "),
    _replaced("bound", r" >= ", " > "),
    _replaced("bound", r"(?<=[\w)\]]) > (?=[\w(])", " >= "),
    _replaced("bound", r"std::min(?=[(<])", "std::max"),
    _replaced("bound", r"std::max(?=[(<])", "std::min"),
    # One of several conditions is not asked for.
    ("part", lambda line: list(_partial_conditions(line))),
    # What nobody may do, all may.
    _replaced("permission", r"\.without_write\(\)", ""),
    _replaced("permission", rf"{OBJECT}(allows|includes){WORDS}", "true"),
    # Nothing is ever sealed.
    _replaced("seal", rf"{OBJECT}\bis_sealed\(\)(?! const)", "false"),
    # What several have is taken for one's own.
    _replaced("alone", rf"{OBJECT}\bis_unique\(\)(?! const)", "true"),
    _replaced("alone", r"\b\w+(\.|->)(is_alone\b|may_write\b(?!\())", "true"),
    _replaced("alone", rf"\b\w+(\.|->)may_write{WORDS}", "true"),
    # What is used is not counted.
    _replaced("count", COUNTED + r" ([+-])= ([^;]+);", r"\1 \2= 0 * (\3);"),
    _replaced("count", r"(?:\+\+|--)" + COUNTED + ";", r"\1 += 0;"),
    # What has changed is not noted.
    _removed("note", r"^\s+(if \(.*\) )?[\w.>()\[\]-]*(_|\.\w+|->\w+) \|?= .*;$"),
)


# Where only interleavings count: what orders them, and what is looked at once more, each order
# weakened step by step.
ASYNC = "libs/async/"
ASYNC_RULES = tuple(rule for rule in RULES if rule[0] in ("order", "lock", "fence", "check")) + (
    _replaced("weaker", r"(fetch_\w+|exchange|fence)(\(.*)memory_order_seq_cst", r"\1\2memory_order_acq_rel"),
    _replaced("weaker", r"(load\(.*)memory_order_seq_cst", r"\1memory_order_acquire"),
    _replaced("weaker", r"(store\(.*)memory_order_seq_cst", r"\1memory_order_release"),
    _replaced("weaker", r"memory_order_acq_rel", "memory_order_acquire"),
    _replaced("weaker", r"memory_order_acq_rel", "memory_order_release"),
    # Fences have names with more in front of them.
    _removed("fence", r"^\s+\w+(::\w+)*fence\w*\(.*\);"),
    # The look under the lock, behind the one before it.
    _removed("look", r"^\s+\w+ = self\(\)\.try_now_locked\(\);"),
    _replaced("look", r"^(\s+)if \((.*[^{])\) (return|break|continue);$", r"\1if (false && (\2)) \3;"),
    _removed("note", r"^\s+(?:\w+(?:\.|->))?(state|linked_|source_|firing_|\w*done_) = .*;$"),
)


def rules_for(file):
    """What may change in a file."""
    return ASYNC_RULES if file.startswith(ASYNC) else RULES


def mutants_of(file, text):
    """All of one file, in order."""
    lines = text.splitlines()
    out = []
    asserted = 0  # parentheses of an assertion that are still open
    for number, line in enumerate(lines, 1):
        if asserted or "ASSERT(" in line:
            asserted += line.count("(") - line.count(")")
            continue
        if LEFT_ALONE.search(line):
            continue
        for rule, mutate in rules_for(file):
            # A condition in front of anything but a refusal is no check.
            if rule == "check" and line.rstrip().endswith("{"):
                follows = lines[number] if number < len(lines) else ""
                if not re.match(r"\s+" + REFUSAL, follows):
                    continue
            for after in mutate(line):
                mutant = Mutant(file, number, rule, line, after)
                if not any(m.line == number and m.after == after for m in out):
                    out.append(mutant)
    return out


def find_mutants(root, sources):
    """Those of all sources below `root`."""
    files = set()
    for pattern in sources:
        for path in glob.glob(os.path.join(root, pattern), recursive=True):
            if path.endswith((".hpp", ".cpp")):
                files.add(os.path.relpath(path, root))
    out = []
    for file in sorted(files):
        with open(os.path.join(root, file), encoding="utf-8") as source:
            out += mutants_of(file, source.read())
    return out


def choose(mutants, count, seed):
    """So many of them, over all files and rules as evenly as can be."""
    chance = random.Random(seed)
    groups = {}
    for mutant in mutants:
        groups.setdefault((mutant.file, mutant.rule), []).append(mutant)
    queues = list(groups.values())
    for queue in queues:
        chance.shuffle(queue)
    chance.shuffle(queues)
    chosen = []
    while queues and len(chosen) < count:
        for queue in list(queues):
            if len(chosen) == count:
                break
            chosen.append(queue.pop())
            if not queue:
                queues.remove(queue)
    return chosen


def draw(mutants, seed):
    """All of them in an order by chance: as many as one takes from its beginning are a sample, in
    which each is as likely as any other."""
    drawn = list(mutants)
    random.Random(seed).shuffle(drawn)
    return drawn


def apply(root, mutant):
    """Changes the file below `root`; returns what it held."""
    path = os.path.join(root, mutant.file)
    with open(path, encoding="utf-8") as source:
        sound = source.read()
    lines = sound.splitlines(keepends=True)
    assert lines[mutant.line - 1].rstrip("\n") == mutant.before, f"{path} has moved"
    lines[mutant.line - 1] = "\n" if mutant.after is None else mutant.after + "\n"
    with open(path, "w", encoding="utf-8") as source:
        source.writelines(lines)
    return sound


def read_survivors(text):
    """{key: reason} of the table in the file of survivors: file, rule, before, after, reason."""
    out = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if len(cells) != 5 or cells[0] == "file" or set(cells[0]) <= {"-", ":"}:
            continue
        file, rule, before, after, reason = (c.strip("`").replace("\\|", "|") for c in cells)
        out[(file, rule, before, "" if after == "removed" else after)] = reason
    return out


def survivor_row(mutant):
    """A line for that table."""
    before, after = (
        text.strip().replace("|", "\\|") for text in (mutant.before, mutant.after or "removed")
    )
    return f"| {mutant.file} | {mutant.rule} | `{before}` | `{after}` | |"


def read_verdicts(text, mutants):
    """{mutant: verdict} of what a run has printed, for those that are still the same line."""
    by_text = {mutant.describe(): mutant for mutant in mutants}
    out = {}
    for line in text.splitlines():
        said = re.match(r"(caught|survived|unbuildable)\b.*? \(\d+ s\): (.*)$", line)
        if said and said[2] in by_text:
            out[by_text[said[2]]] = said[1]
    return out
