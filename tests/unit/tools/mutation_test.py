# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/mutate: which mutations a source has, how they are chosen, applied and remembered."""

import os
import re
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import mutation, mutation_plan, mutation_switch  # noqa: E402

ROOT = os.path.join(HERE, "../../..")

TOY = """\
// if (a > b) return err(Error::kComment);
Result<void> Toy::take(unsigned size) {
  TRY(check(size));
  if (size >= limit_) return base::err(Error::kRange);
  if (size == 0 ||
      size > most_) {
    return base::err(Error::kEmpty);
  }
  if (size == 7) {
    return base::err(Error::kSeven);
  }
  if (size == 9) {
    count_ = 9;
  }
  sync::LockGuard guard(lock_);
  count_.store(size, std::memory_order_release);
  __atomic_store_n(&word_, 1, __ATOMIC_SEQ_CST);
  arch::Mmu::fence(range);
  QUOLL_ASSERT(count_ <= most_);
  std::vector<int> names;
  for (unsigned i = 0; i < size; ++i) fill(i);
  flush.retire(table, memory);
  harts_.fetch_or(bit(hart));
  return harts_.load();
  QUOLL_ASSERT(is_open() &&
               size < most_);
}
FaultOutcome Toy::show(const Region& region, Access access) {
  if (!region.permissions.allows(access)) return FaultOutcome::kDenied;
  if (is_new && can_execute()) fence_code_everywhere();
  if (done) return FaultOutcome::kResolved;
  const auto allowed = page->may_write ? region.permissions : region.permissions.without_write();
  if (first == 0 || is_aligned(first || end, size) ||
      (region.vmo && region.vmo->is_sealed())) {
    return FaultOutcome::kGuard;
  }
  region.run = 1;
  const std::uint64_t most = std::min(region.size(), kMost);
  usage_.committed_pages += sign * pages;
  if (frame.is_unique()) ++usage.alone_pages;
  flusher.changes().include(range, paging::FenceReach::kAll);
  return FaultOutcome::kResolved;
}
"""


class MutationTest(unittest.TestCase):
    def setUp(self):
        self.mutants = mutation.mutants_of("toy.cpp", TOY)

    def found(self, rule):
        """(line, what it becomes) of each mutation of a rule."""
        return [(m.line, m.after and m.after.strip()) for m in self.mutants if m.rule == rule]

    def test_of_tasks_orders_are_weakened_step_by_step(self):
        text = """
  const LockGuard guard(lock_);
  LockGuard(const LockGuard&) = delete;
  state = self().try_now_locked();
  if (first_ == nullptr) return;
  parked_.fetch_or(bit, std::memory_order_seq_cst);
  if (word_.load(std::memory_order_seq_cst)) go();
  std::atomic_thread_fence(std::memory_order_seq_cst);
"""
        mutants = mutation.mutants_of("libs/async/toy.hpp", text)
        found = [(m.line, m.rule, (m.after or "").strip()[-24:]) for m in mutants]
        self.assertEqual(
            [(line, rule, after) for line, rule, after in found if rule != "order"],
            [
                (2, "lock", ""),
                (4, "look", ""),
                (5, "look", "first_ == nullptr)) return;"[-24:]),
                (6, "weaker", "::memory_order_acq_rel);"),
                (7, "weaker", "ry_order_acquire)) go();"),
                (8, "fence", ""),
                (8, "weaker", "::memory_order_acq_rel);"),
            ],
        )
        self.assertEqual([line for line, rule, _ in found if rule == "order"], [6, 7, 8])

    def test_every_rule_finds_its_line_and_no_other(self):
        self.assertEqual(
            self.found("check"),
            [(3, None), (4, None), (9, "if (false && (size == 7)) {"), (29, None)],
        )
        self.assertEqual(
            self.found("order"),
            [
                (16, "count_.store(size, std::memory_order_relaxed);"),
                (17, "__atomic_store_n(&word_, 1, __ATOMIC_RELAXED);"),
                (23, "harts_.fetch_or(bit(hart), std::memory_order_relaxed);"),
                (24, "return harts_.load(std::memory_order_relaxed);"),
            ],
        )
        self.assertEqual(self.found("lock"), [(15, None)])
        self.assertEqual(self.found("fence"), [(18, None), (30, None)])
        self.assertEqual(
            self.found("flush"),
            [
                (22, None),
                (41, None),
                (41, "flusher.changes().include(range, paging::FenceReach::kLocal);"),
            ],
        )
        self.assertEqual(
            self.found("bound"),
            [
                (4, "if (size > limit_) return base::err(Error::kRange);"),
                (6, "size >= most_) {"),
                (21, "for (unsigned i = 0; i <= size; ++i) fill(i);"),
                (38, "const std::uint64_t most = std::max(region.size(), kMost);"),
            ],
        )

    def test_what_is_asked_counted_and_noted_is_found(self):
        self.assertEqual(
            self.found("permission"),
            [
                (29, "if (!true) return FaultOutcome::kDenied;"),
                (
                    32,
                    "const auto allowed = page->may_write ? region.permissions : region.permissions;",
                ),
            ],
        )
        self.assertEqual(
            self.found("alone"),
            [
                (
                    32,
                    "const auto allowed = true ? region.permissions :"
                    " region.permissions.without_write();",
                ),
                (40, "if (true) ++usage.alone_pages;"),
            ],
        )
        self.assertEqual(self.found("seal"), [(34, "(region.vmo && false)) {")])
        self.assertEqual(
            self.found("count"),
            [
                (39, "usage_.committed_pages += 0 * (sign * pages);"),
                (40, "if (frame.is_unique()) usage.alone_pages += 0;"),
            ],
        )
        self.assertEqual(self.found("note"), [(13, None), (37, None)])

    def test_each_of_several_conditions_is_left_out_in_turn(self):
        self.assertEqual(
            self.found("part"),
            [
                (5, "if (false ||"),
                (30, "if (true && can_execute()) fence_code_everywhere();"),
                (30, "if (is_new && true) fence_code_everywhere();"),
                (33, "if (false || is_aligned(first || end, size) ||"),
                (33, "if (first == 0 || false ||"),
                (33, "if (first == 0 || is_aligned(false || end, size) ||"),
                (33, "if (first == 0 || is_aligned(first || false, size) ||"),
                (34, "(true && region.vmo->is_sealed())) {"),
                (34, "(region.vmo && true)) {"),
            ],
        )

    def test_the_choice_is_even_and_can_be_repeated(self):
        chosen = mutation.choose(self.mutants, 6, seed=3)
        self.assertEqual(chosen, mutation.choose(self.mutants, 6, seed=3))
        # As many rules, and none of them twice.
        self.assertEqual(len({m.rule for m in chosen}), 6)
        everything = mutation.choose(self.mutants, 1000, seed=1)
        self.assertEqual(sorted(everything, key=repr), sorted(self.mutants, key=repr))

    def test_what_is_drawn_can_be_repeated_and_each_is_as_likely(self):
        drawn = mutation.draw(self.mutants, seed=3)
        self.assertEqual(drawn, mutation.draw(self.mutants, seed=3))
        self.assertNotEqual(drawn, mutation.draw(self.mutants, seed=4))
        self.assertEqual(sorted(drawn, key=repr), sorted(self.mutants, key=repr))
        # However many there are of a rule: each comes first about once in as many seeds.
        few = self.mutants[:4]
        first = [mutation.draw(few, seed)[0] for seed in range(400)]
        for mutant in few:
            self.assertAlmostEqual(first.count(mutant), 100, delta=40)

    def test_one_line_changes_and_lines_do_not_move(self):
        with tempfile.TemporaryDirectory() as root:
            path = os.path.join(root, "toy.cpp")
            for mutant in self.mutants:
                with open(path, "w", encoding="utf-8") as source:
                    source.write(TOY)
                self.assertEqual(mutation.apply(root, mutant), TOY)
                with open(path, encoding="utf-8") as source:
                    after = source.read().splitlines()
                before = TOY.splitlines()
                self.assertEqual(len(after), len(before))
                differ = [i + 1 for i in range(len(before)) if before[i] != after[i]]
                self.assertEqual(differ, [mutant.line])

    def test_survivors_are_known_again_wherever_they_stand(self):
        rows = [mutation.survivor_row(m)[:-1] + "a reason |" for m in self.mutants]
        table = "| file | rule | line | becomes | reason |\n|---|---|---|---|---|\n"
        known = mutation.read_survivors(table + "\n".join(rows))
        moved = mutation.mutants_of("toy.cpp", "\n\n" + TOY)
        self.assertEqual({m.key for m in moved}, set(known))
        self.assertEqual(set(known.values()), {"a reason"})

    def test_verdicts_of_an_earlier_run_count_for_the_same_lines_only(self):
        first, second, third = self.mutants[:3]
        printed = [
            "quoll: seed 1, 3 mutations known; building",
            f"caught by unit.toy over time (61 s): {first.describe()}",
            f"survived (5 s): {second.describe()}",
            f"unbuildable (5 s): {third.describe()}",
            "survived without a reason: " + first.describe(),
        ]
        verdicts = {first: "caught", second: "survived", third: "unbuildable"}
        self.assertEqual(mutation.read_verdicts("\n".join(printed), self.mutants), verdicts)
        moved = mutation.mutants_of("toy.cpp", "\n\n" + TOY)
        self.assertEqual(mutation.read_verdicts("\n".join(printed), moved), {})

    def test_sources_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "a/b"))
            with open(os.path.join(root, "a/b/toy.cpp"), "w", encoding="utf-8") as source:
                source.write(TOY)
            found = mutation.find_mutants(root, ["a/**/*.cpp", "a/b/toy*"])
            self.assertEqual(len(found), len(self.mutants))
            self.assertEqual({m.file for m in found}, {"a/b/toy.cpp"})


def sources_of_program(path):
    """What a program of the models is made of, as far as it is of `libs/async`."""
    include = re.compile(r'#include <(quoll/async/|src/)([\w/.]+)>')
    found, left = set(), [path]
    while left:
        with open(left.pop(), encoding="utf-8") as text:
            source = text.read()
        for folder, name in include.findall(source):
            inside = "include/quoll/async" if folder.startswith("quoll") else "src"
            file = f"libs/async/{inside}/{name}"
            if file not in found:
                found.add(file)
                left.append(os.path.join(ROOT, file))
        if '#include "async_tasks.hpp"' in source:
            left.append(os.path.join(ROOT, "tests/races/async_tasks.hpp"))
    return found


class PlanTest(unittest.TestCase):
    def test_models_of_a_mutated_source_of_tasks_are_made_of_it(self):
        races = os.path.join(ROOT, "tests/races")
        programs = {
            name.removesuffix(".cpp"): sources_of_program(os.path.join(races, name))
            for name in os.listdir(races)
            if re.fullmatch(r"async_\w+_races\.cpp", name)
        }
        planned = set()
        mutants = mutation.find_mutants(ROOT, mutation.PARTS["async"])
        for file in {mutant.file for mutant in mutants}:
            models = [target for target, _ in mutation_plan.plan_for(file) if "races" in target]
            for program in models:
                self.assertIn(file, programs[program], program)
            planned |= set(models)
        self.assertEqual(planned, set(programs))

    def test_interleavings_come_first_where_they_count(self):
        file = "libs/async/include/quoll/async/signal.hpp"
        self.assertEqual(mutation_plan.plan_for(file, "order")[0][0], "async_signal_races")
        self.assertEqual(mutation_plan.plan_for(file, "check")[0][0], "async_test")


def resolved(line, number):
    """What is left of a line in which mutations are chosen by numbers, once one is; None when
    nothing is."""
    line = re.sub(r"quoll_mutant\((\d+)\)", lambda m: str(int(m[1]) == number).lower(), line)

    def choose(match):
        options = dict(reversed(re.findall(r"(true|false) \? ([\w:]+) : ", match[1])))
        return options.get("true", match[2])

    line = re.sub(r"\(((?:(?:true|false) \? [\w:]+ : )+)([\w:]+)\)", choose, line)
    if re.search(r"if \(!true\) |LockGuard \w+\(.*, !true\);", line):
        return None
    line = re.sub(r"(LockGuard \w+\(.*), !false\);", r"\1);", line)
    line = line.replace("if (!false) ", "").replace("if (!true && ", "if (false && ")
    return re.sub(r"if \(!false && \((.*)\)\) (\{|return;|break;|continue;)$", r"if (\1) \2", line)


class SwitchTest(unittest.TestCase):
    def test_one_of_many_is_chosen_in_the_place_of_its_line(self):
        of_file = {}
        for mutant in mutation.find_mutants(ROOT, mutation.PARTS["async"]):
            of_file.setdefault(mutant.file, []).append(mutant)
        chosen = 0
        for file, mutants in of_file.items():
            with open(os.path.join(ROOT, file), encoding="utf-8") as source:
                text = source.read()
            lines = text.splitlines()
            numbered = [
                (number, mutant)
                for number, mutant in enumerate(mutants)
                if mutation_switch.can_switch(mutant, lines)
            ]
            chosen += len(numbered)
            together = mutation_switch.switch(text, numbered).splitlines()
            # A guard that may hold nothing is made in lines of its own.
            maybe = mutation_switch.MAYBE_GUARD.splitlines()
            if maybe[0] in together:
                at = together.index(maybe[0])
                del together[at : at + len(maybe)]
            self.assertEqual([resolved(line, -1) for line in together], lines)
            for number, mutant in numbered:
                one = [resolved(line, number) for line in together]
                self.assertEqual(one[mutant.line - 1], mutant.after, mutant.describe())
                one[mutant.line - 1] = mutant.before
                self.assertEqual(one, lines)
        self.assertGreater(chosen, 100)

    def test_what_no_compiler_takes_is_told(self):
        text = """\
{
  LockGuard guard(lock_);
  if (count_ == 0) return err(kEmpty);
  guard.unlock();
}
{
  const LockGuard guard(lock_);
  if (count_ <
      1) {
    return base::err(kEmpty);
  }
}
"""
        lines = text.splitlines()
        can = {
            (m.line, m.rule): mutation_switch.can_switch(m, lines)
            for m in mutation.mutants_of("libs/async/toy.hpp", text)
        }
        self.assertEqual(
            can, {(2, "lock"): None, (3, "check"): True, (4, "lock"): True, (7, "lock"): True}
        )
        other = mutation.Mutant("toy.cpp", 3, "bound", lines[2], lines[2].replace("==", "<="))
        self.assertEqual(mutation_switch.can_switch(other, lines), False)


if __name__ == "__main__":
    unittest.main()
