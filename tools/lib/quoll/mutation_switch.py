# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sources that have many mutations at once, of which a program chooses one when it begins: what a
test needs is compiled once, not once for each.

Nothing here knows a language: a line that goes stands behind a condition, a memory order becomes a
choice, a condition gets one more operand. What is none of these is left to who compiles each."""

import re

# The mutation that is tried; for a header that each source includes before all else.
HEADER = """\
#pragma once
#include <cstdlib>
inline const int quoll_chosen_mutant = [] {
  const char* const words = std::getenv("QUOLL_MUTANT");
  return words == nullptr ? -1 : std::atoi(words);
}();
inline bool quoll_mutant(int number) { return number == quoll_chosen_mutant; }
"""

GUARD = re.compile(r"^(\s+)((?:const )?)((?:sync::|detail::)?LockGuard) (\w+)\((.*)\);")
# What makes a guard, and what makes one that may hold nothing.
EACH_GUARD = "  explicit LockGuard(Lock& lock) noexcept"
MAYBE_GUARD = """\
  LockGuard(Lock& lock, bool holds) noexcept : lock_(holds ? &lock : nullptr) {
    if (holds) lock_->lock();
  }"""
ORDER = re.compile(r"std::memory_order_\w+")
ASKED = re.compile(r"^(\s+)if \((.*)\) (\{|return;|break;|continue;)$")
NEVER = "if (false && ("


def _chosen(number):
    return f"quoll_mutant({number})"


def _changed_order(mutant):
    """Which order of a line changes, and into what; nothing if anything else does."""
    if mutant.after is None:
        return None
    before, after = (ORDER.findall(text) for text in (mutant.before, mutant.after))
    places = [i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]]
    same = ORDER.sub("", mutant.before) == ORDER.sub("", mutant.after)
    return (places[0], after[places[0]]) if same and len(places) == 1 else None


def _is_asked(mutant):
    return mutant.after is not None and mutant.after.lstrip().startswith(NEVER)


def is_used_behind(name, lines, number):
    """Whether a name that a line declares, counted from 0, is used in what follows of its block."""
    indent = len(lines[number]) - len(lines[number].lstrip())
    for line in lines[number + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return False
        if re.search(rf"\b{name}\b", line.split("//")[0]):
            return True
    return False


def can_switch(mutant, lines):
    """Whether it can be chosen when the program runs; nothing if it cannot be built at all."""
    if _changed_order(mutant) or (_is_asked(mutant) and ASKED.match(mutant.before)):
        return True
    if mutant.after is not None:
        return False
    guard = GUARD.match(mutant.before)
    if guard:
        return None if is_used_behind(guard[4], lines, mutant.line - 1) else True
    follows = lines[mutant.line].lstrip() if mutant.line < len(lines) else ""
    return mutant.before.rstrip().endswith(";") and not follows.startswith("else")


def _switch_line(line, numbered):
    """A line in which each of those can be chosen."""
    orders = {}
    for number, mutant in numbered:
        changed = _changed_order(mutant)
        if changed:
            orders.setdefault(changed[0], []).append((number, changed[1]))
    found = list(ORDER.finditer(line))
    for place in sorted(orders, reverse=True):
        match = found[place]
        choice = "".join(f"{_chosen(n)} ? {order} : " for n, order in orders[place])
        line = f"{line[: match.start()]}({choice}{match[0]}){line[match.end() :]}"
    for number, mutant in numbered:
        if _is_asked(mutant):
            line = ASKED.sub(rf"\1if (!{_chosen(number)} && (\2)) \3", line)
    for number, mutant in numbered:
        if mutant.after is not None:
            continue
        guard = GUARD.match(line)
        if guard:
            indent, is_const, kind, name, lock = guard.groups()
            line = f"{indent}{is_const}{kind} {name}({lock}, !{_chosen(number)});"
        else:
            indent = line[: len(line) - len(line.lstrip())]
            line = f"{indent}if (!{_chosen(number)}) {line.lstrip()}"
    return line


def switch(text, numbered):
    """The source in which each of those can be chosen: [(number, mutant)], all of this file."""
    lines = text.splitlines()
    for at in {mutant.line for _, mutant in numbered}:
        here = [(number, mutant) for number, mutant in numbered if mutant.line == at]
        lines[at - 1] = _switch_line(lines[at - 1], here)
    return "\n".join(lines).replace(EACH_GUARD, f"{MAYBE_GUARD}\n{EACH_GUARD}") + "\n"
