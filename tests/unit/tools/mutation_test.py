# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/mutate: which mutations a source has, how they are chosen, applied and remembered."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll import mutation  # noqa: E402

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
"""


class MutationTest(unittest.TestCase):
    def setUp(self):
        self.mutants = mutation.mutants_of("toy.cpp", TOY)

    def found(self, rule):
        """(line, what it becomes) of each mutation of a rule."""
        return [(m.line, m.after and m.after.strip()) for m in self.mutants if m.rule == rule]

    def test_every_rule_finds_its_line_and_no_other(self):
        self.assertEqual(
            self.found("check"), [(3, None), (4, None), (9, "if (false && (size == 7)) {")]
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
        self.assertEqual(self.found("fence"), [(18, None)])
        self.assertEqual(self.found("flush"), [(22, None)])
        self.assertEqual(
            self.found("bound"),
            [
                (4, "if (size > limit_) return base::err(Error::kRange);"),
                (6, "size >= most_) {"),
                (21, "for (unsigned i = 0; i <= size; ++i) fill(i);"),
            ],
        )

    def test_the_choice_is_even_and_can_be_repeated(self):
        chosen = mutation.choose(self.mutants, 6, seed=3)
        self.assertEqual(chosen, mutation.choose(self.mutants, 6, seed=3))
        # As many rules, and none of them twice.
        self.assertEqual(len({m.rule for m in chosen}), 6)
        everything = mutation.choose(self.mutants, 1000, seed=1)
        self.assertEqual(sorted(everything, key=repr), sorted(self.mutants, key=repr))

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


if __name__ == "__main__":
    unittest.main()
