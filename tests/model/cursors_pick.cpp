// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Finds, or opens, a cursor that an operation can do something with, and goes to a place in it.
#include <algorithm>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::PhysicalAddress;
using mem::VirtualAddress;

std::size_t CursorsSystem::random_range(Picker& pick, std::uint64_t& start, std::uint64_t& size) {
  const std::uint64_t which = pick.below(8);
  const std::size_t tree = which == 7 ? 2 : which < 4 ? 0 : 1;
  start = anchors_[pick.below(anchors_.size())];
  // The second tree has no kernel half of its own.
  if (tree == 1 && start >= half_) start = anchors_[pick.below(5)];
  const std::uint64_t anchor = start;
  switch (pick.below(8)) {
    case 0:
    case 1:
    case 2:
      start += pick.below(6) * kPage;
      size = (1 + pick.below(24)) * kPage;
      break;
    case 3:
      start += pick.below(3) * kLarge;
      size = (1 + pick.below(16)) * kPage;
      break;
    case 4:
    case 5:
      start &= ~(kLarge - 1);
      size = (1 + pick.below(3)) * kLarge;
      break;
    case 6:
      start &= ~(kHuge - 1);
      size = (1 + pick.below(2)) * kHuge;
      break;
    default:
      size = (1 + pick.below(8)) * kPage;
  }
  // Not beyond the end of the anchor's half.
  const std::uint64_t end = anchor < half_ ? half_ : 0;
  if (anchor < half_ ? start >= half_ : start < half_) start = anchor;
  size = std::min(size, end - start);
  return tree;
}

OpenCursor& CursorsSystem::pick_any(Picker& pick) {
  if (cursors_.empty()) return pick_mutable(pick);
  return *cursors_[pick.below(cursors_.size())];
}

OpenCursor& CursorsSystem::pick_mutable(Picker& pick, const OpenCursor* not_this) {
  std::vector<OpenCursor*> candidates;
  for (const auto& cursor : cursors_) {
    if (cursor->change && cursor.get() != not_this) candidates.push_back(cursor.get());
  }
  if (!candidates.empty()) return *candidates[pick.below(candidates.size())];
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  const std::size_t tree = random_range(pick, start, size);
  return open_at(tree, start, size, true);
}

/// The first cursor with a large page that begins in its range, and where that page is.
OpenCursor* CursorsSystem::find_large(std::uint64_t& at) {
  for (const auto& cursor : cursors_) {
    if (!cursor->change) continue;
    const ModelTree& model = model_of(*cursor);
    for (auto page = model.first_page(cursor->start, cursor->size); page != model.pages().end();
         ++page) {
      if (page->first >= cursor->start && page->first - cursor->start >= cursor->size) break;
      if (page->second.level == 0) continue;
      at = page->first;
      return cursor.get();
    }
  }
  return nullptr;
}

/// Opens a cursor where a large page is, or could be; maps one if there is nothing and tables
/// enough.
OpenCursor& CursorsSystem::make_large(Picker& pick, std::uint64_t& at) {
  const std::size_t which = pick.below(8);
  const std::size_t index = which == 7 ? 2 : which % 2;
  const std::uint64_t unit = pick.one_in(6) ? kHuge : kLarge;
  at = kHuge + (unit == kLarge ? pick.below(8) * unit : unit);
  OpenCursor& cursor = open_at(index, at, unit * (1 + pick.below(2)), true);
  ModelTree& model = trees_[index]->model;
  if (model.first_page(at, unit) != model.pages().end()) return cursor;
  const arch::mock::AsHart as(cursor.hart);
  const std::uint64_t to = pick.below(64) * kHuge;
  const PageProperties properties = draw_properties(pick, true);
  Plan plan;
  model.plan(cursor.guard, at, unit, to, stored(properties), true, plan);
  const std::uint32_t room = pool_.allowance();
  pool_.set_room(kPlenty);  // scarce is what comes after this
  if (plan.pages.size() == 1 && plan.tables.size() <= pool_.room()) {
    const auto mapped = cursor.change->map(PhysicalAddress(to), unit, to_library(properties),
                                           cursor.token->flush, paging::LargePages::kAllowed);
    require(mapped.has_value(), "map: a large page is refused");
    model.enter(plan);
    add_tables(cursor, model, plan.tables);
    cursor.at += unit;
  }
  pool_.set_room(room);
  return cursor;
}

OpenCursor& CursorsSystem::pick_large(Picker& pick) {
  std::uint64_t at = 0;
  OpenCursor* const found = find_large(at);
  OpenCursor& cursor = found != nullptr ? *found : make_large(pick, at);
  // At its start or in it, where the cursor may be.
  const ModelTree& model = model_of(cursor);
  const auto page = model.page_at(at);
  std::uint64_t to = std::max(at, cursor.start);
  if (page != model.pages().end() && (pick.one_in(2) || pool_.room() == 0)) {
    const std::uint64_t bytes = ModelTree::bytes(page->second.level);
    const std::uint64_t inside = page->first + pick.below(bytes / kPage) * kPage;
    if (inside >= cursor.start && inside - cursor.start < cursor.size) to = inside;
  }
  jump(cursor, to);
  return cursor;
}

OpenCursor* CursorsSystem::open_uniform(Picker& pick) {
  const std::size_t which = pick.below(5);
  const std::size_t index = which == 4 ? 2 : which % 2;
  const ModelTree& model = trees_[index]->model;
  const auto& tables = model.tables();
  for (auto table = tables.begin(); table != tables.end() && table->first == 0; ++table) {
    if (!model.is_uniform(table->second, kLarge) || pick.one_in(8)) continue;
    const std::uint64_t start = table->second;
    const bool wide = !pick.one_in(3);
    return &open_at(index, start, kLarge, true,
                    wide ? Around{start & ~(kHuge - 1), kHuge} : Around{});
  }
  return nullptr;
}

void CursorsSystem::jump(OpenCursor& cursor, std::uint64_t to) {
  const bool moved = cursor.with([&](auto& c) { return c.jump(VirtualAddress(to)).has_value(); });
  require(moved, "a jump inside of the range is refused");
  cursor.at = to;
}

void CursorsSystem::jump_to_end(OpenCursor& cursor) {
  jump(cursor, cursor.start + cursor.size - kPage);
  cursor.with([](auto& c) { return c.next(); });
  cursor.at = cursor.start + cursor.size;
  require_position(cursor);
}

void CursorsSystem::steer(Picker& pick, OpenCursor& cursor, bool to_page) {
  const ModelTree& model = model_of(cursor);
  if (pick.one_in(12)) {
    jump_to_end(cursor);
    return;
  }
  const std::uint64_t pages = cursor.size / kPage;
  std::uint64_t to = cursor.start + pick.below(pages < 4096 ? pages : 4096) * kPage;
  if (pick.one_in(4)) to = cursor.start;
  if (to_page) {
    auto page = model.first_page(to, cursor.size - (to - cursor.start));
    if (page == model.pages().end()) page = model.first_page(cursor.start, cursor.size);
    if (page != model.pages().end()) {
      to = std::max(page->first, cursor.start);
      // Inside of a large page as often as at its start.
      const std::uint64_t bytes = ModelTree::bytes(page->second.level);
      if (bytes > kPage && pick.one_in(2)) {
        const std::uint64_t inside = page->first + pick.below(bytes / kPage) * kPage;
        if (inside - cursor.start < cursor.size && inside >= to) to = inside;
      }
    }
  } else {
    for (int tries = 0; tries < 4 && model.page_at(to) != model.pages().end(); ++tries) {
      const auto page = model.page_at(to);
      const std::uint64_t behind = page->first + ModelTree::bytes(page->second.level);
      if (behind - cursor.start >= cursor.size) break;
      to = behind;
    }
  }
  jump(cursor, to);
}

}  // namespace quoll::model::cursors
