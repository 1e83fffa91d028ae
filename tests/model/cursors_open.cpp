// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cursors are opened and closed, and their flush tokens applied.
#include <algorithm>
#include <utility>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::VirtualAddress;
using mem::VirtualRange;
using paging::FenceReach;
using paging::MapError;

namespace {

constexpr std::size_t kMostCursors = 5;
constexpr std::size_t kMostPending = 6;

}  // namespace

Expected CursorsSystem::check_open(std::size_t tree, std::uint64_t start,
                                   std::uint64_t size) const {
  if ((start | size) % kPage != 0) return MapError::kUnaligned;
  if (size == 0) return MapError::kEmpty;
  const bool kernel = is_inside(start, size, 0 - half_);
  if (is_inside(start, size, 0)) return std::nullopt;
  if (kernel && tree != 1) return std::nullopt;
  if (start + (size - 1) < start) return MapError::kOverflow;
  return kernel ? MapError::kSharedHalf : MapError::kNotCanonical;
}

bool CursorsSystem::close_in_the_way(std::size_t tree, std::uint64_t start, std::uint64_t size,
                                     unsigned lowest) {
  if (cursors_.size() >= kMostCursors) {
    close(0);
    return true;
  }
  const ModelTree& model = trees_[tree]->model;
  const std::set<TableKey> needed = model.locks(start, size, model.guard(start, lowest));
  const auto in_the_way = [&](const std::unique_ptr<OpenCursor>& cursor) {
    return cursor->tree == tree && std::any_of(needed.begin(), needed.end(), [&](auto& table) {
             return cursor->locks.count(table) != 0;
           });
  };
  const auto found = std::find_if(cursors_.begin(), cursors_.end(), in_the_way);
  if (found == cursors_.end()) return false;
  close(static_cast<std::size_t>(found - cursors_.begin()));
  return true;
}

OpenCursor& CursorsSystem::open_at(std::size_t tree_index, std::uint64_t start, std::uint64_t size,
                                   bool to_change, Around around) {
  Tree& tree = *trees_[tree_index];
  unsigned lowest = ModelTree::covering(start, size);
  if (around.size != 0) {
    // The guard is so far up that every table which `around` covers wholly is below it.
    lowest = ModelTree::covering(around.start, around.size);
    const std::uint64_t table = ModelTree::bytes(lowest) << 9;
    if ((around.start | around.size) % table == 0 && lowest < tree.model.top()) ++lowest;
  }
  while (close_in_the_way(tree_index, start, size, lowest)) {
  }
  auto cursor = std::make_unique<OpenCursor>();
  cursor->tree = tree_index;
  cursor->hart = arch::mock::Machine::hart_id();
  cursor->start = cursor->at = start;
  cursor->size = size;
  cursor->guard = tree.model.guard(start, lowest);
  cursor->locks = tree.model.locks(start, size, cursor->guard);
  cursor->token = std::make_unique<Token>();
  cursor->token->tree = tree_index;
  cursor->token->hart = cursor->hart;
  const VirtualRange range(VirtualAddress(start), size);
  if (!to_change) {
    auto opened = tree.table.cursor(range.start(), size);
    require_done(kOpen, opened);
    cursor->look.emplace(std::move(*opened));
  } else {
    const VirtualRange within(VirtualAddress(around.start), around.size);
    auto opened = around.size == 0 ? tree.table.cursor_mut(range.start(), size)
                                   : tree.table.cursor_mut(range, within);
    require_done(kOpen, opened);
    cursor->change.emplace(std::move(*opened));
  }
  cursor->with([&](auto& c) {
    require(c.range() == range, "open: another range");
    require(c.position().value() == start && c.remaining() == size && !c.is_at_end(),
            "open: it does not stand at the start");
  });
  cursors_.push_back(std::move(cursor));
  return *cursors_.back();
}

/// Breaks a rule, or a few: makes of a range one that may be refused.
void CursorsSystem::spoil_range(Picker& bad, std::size_t& tree, std::uint64_t& start,
                                std::uint64_t& size) const {
  switch (bad.below(6)) {
    case 0:
      (bad.below(2) == 0 ? start : size) += 1 + bad.below(kPage - 1);
      break;
    case 1:
      size = 0;
      break;
    case 2:  // passes the end, some into the lower half again
      start = 0 - (1 + bad.below(64)) * kPage;
      size = (0 - start) + (1 + bad.below(200)) * kPage;
      if (bad.one_in(3)) size = (0 - start) + half_;
      break;
    case 3:  // across the halves' inner ends, or between them
      start = half_ - bad.below(32) * kPage;
      size = (33 + bad.below(100)) * kPage;
      if (bad.one_in(2)) start = half_ + bad.below(1 << 20) * kPage;
      break;
    case 4:
      tree = 1;
      start = 0 - (1 + bad.below(64)) * kPage;
      size = kPage;
      break;
    default:
      start = 0 - half_ - kPage;
      size = (1 + bad.below(3)) * kPage;
  }
}

Step CursorsSystem::open_refused(std::size_t tree, std::uint64_t start, std::uint64_t size,
                                 bool to_change, MapError expected) {
  auto& table = trees_[tree]->table;
  Expected error;
  if (to_change) {
    auto opened = table.cursor_mut(VirtualAddress(start), size);
    if (!opened) error = opened.error();
  } else {
    auto opened = table.cursor(VirtualAddress(start), size);
    if (!opened) error = opened.error();
  }
  require(error.has_value(), "open: done, and should be refused: ", name_of(expected));
  require(*error == expected, "open: refused as ", name_of(*error), ", not as ", name_of(expected));
  return {outcome_of(kOpen, expected), false};
}

Step CursorsSystem::open(const Operation& operation) {
  Picker pick(operation.operands[0]);
  Picker bad(operation.operands[1]);
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::size_t tree = random_range(pick, start, size);
  if (bad.below(8) < 4) spoil_range(bad, tree, start, size);
  const Expected refusal = check_open(tree, start, size);
  const bool to_change = !pick.one_in(4);
  if (refusal) return open_refused(tree, start, size, to_change, *refusal);
  Around around;
  if (to_change && pick.one_in(3)) {
    // Around the range: its own tables, or all of the half.
    const std::uint64_t unit = pick.one_in(2) ? kLarge : kHuge;
    around.start = start & ~(unit - 1);
    around.size = ((start + (size - 1)) | (unit - 1)) - around.start + 1;
    if (pick.one_in(3)) around = {start < half_ ? 0 : 0 - half_, half_};
  }
  open_at(tree, start, size, to_change, around);
  return {!to_change ? 2U : around.size != 0 ? 1U : 0U, true};
}

void CursorsSystem::close(std::size_t i) {
  OpenCursor& cursor = *cursors_[i];
  const arch::mock::AsHart as(cursor.hart);
  std::unique_ptr<Token> token = std::move(cursor.token);
  cursors_.erase(cursors_.begin() + static_cast<std::ptrdiff_t>(i));
  if (!token->owes_fence() && !token->flush.holds_tables()) return;
  pending_.push_back(std::move(token));
  if (pending_.size() > kMostPending) apply_token(0);
}

void CursorsSystem::fence(std::size_t tree, unsigned hart, VirtualRange range, FenceReach reach) {
  if (tree > 1) return;
  for (unsigned h = 0; h < machine_.hart_count(); ++h) {
    if (tree_index_of(h) != tree) continue;
    if (reach == FenceReach::kAll || h == hart) machine_.fence(h, range);
  }
}

void CursorsSystem::apply(Token& token) {
  token.flush.apply(
      [&](VirtualRange range, FenceReach reach) { fence(token.tree, token.hart, range, reach); });
  const std::uint64_t before = pool_.in_use();
  token.flush.release_tables(trees_[token.tree]->table.memory());
  // Told later: in a destructor, after a mismatch, the counts may be wrong.
  if (before - pool_.in_use() != token.retired) miscounted_ = true;
  token.retired = 0;
}

void CursorsSystem::apply_token(std::size_t i) {
  const std::unique_ptr<Token> token = std::move(pending_[i]);
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
  apply(*token);
}

bool CursorsSystem::is_pending(std::size_t tree, std::uint64_t address) const {
  const auto owes = [&](const Token& token) { return token.covers(tree, address); };
  return std::any_of(pending_.begin(), pending_.end(), [&](auto& t) { return owes(*t); }) ||
         std::any_of(cursors_.begin(), cursors_.end(), [&](auto& c) { return owes(*c->token); });
}

}  // namespace quoll::model::cursors
