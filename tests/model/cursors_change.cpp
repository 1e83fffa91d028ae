// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations that take pages away, or change what they allow.
#include <algorithm>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::VirtualAddress;
using paging::Leaf;
using paging::MapError;

Step CursorsSystem::unmap(Picker& pick) {
  const bool at_large = pool_.room() == 0 || pick.below(8) < 3;
  OpenCursor& cursor = at_large ? pick_large(pick) : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (!at_large) steer(pick, cursor, !pick.one_in(6));
  Size size = draw_size(pick, cursor);
  if (!size.refused && model.pages().size() > kMostPages / 2) {
    jump(cursor, cursor.start);
    size.bytes = cursor.remaining();
  }
  Expected expected = size.refused;
  std::set<TableKey> splits;
  if (!expected) {
    splits = model.end_splits(cursor.at, size.bytes);
    if (splits.size() > pool_.room()) expected = MapError::kOutOfMemory;
  }
  std::vector<std::pair<std::uint64_t, Leaf>> removed;
  std::vector<std::uint64_t> sizes;
  const auto result =
      cursor.change->unmap(size.bytes, cursor.token->flush,
                           [&](VirtualAddress page, const Leaf& leaf, std::uint64_t bytes) {
                             removed.emplace_back(page.value(), leaf);
                             sizes.push_back(bytes);
                           });
  if (expected) {
    require(removed.empty(), "unmap: refused, and pages were removed");
    return refused(kUnmap, result, *expected, cursor);
  }
  require_done(kUnmap, result);
  model.split_ends(cursor.at, size.bytes);
  add_tables(cursor, model, splits);
  auto page = model.first_page(cursor.at, size.bytes);
  for (std::size_t i = 0; i < removed.size(); ++i, ++page) {
    require(page != model.pages().end() && page->first == removed[i].first &&
                equals(removed[i].second, page->second) &&
                sizes[i] == ModelTree::bytes(page->second.level),
            "unmap: tells of another page than that at ", removed[i].first);
  }
  require(page == model.pages().end() || page->first - cursor.at >= size.bytes,
          "unmap: does not tell of a page");
  drop_tables(cursor, model.remove(cursor.guard, cursor.at, size.bytes));
  cursor.at += size.bytes;
  require_position(cursor);
  return {removed.empty() ? 1U : 0U, !removed.empty()};
}

Step CursorsSystem::protect(Picker& pick, Picker& second) {
  const bool at_large = pool_.room() == 0 || pick.below(8) < 3;
  OpenCursor& cursor = at_large ? pick_large(pick) : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (!at_large) steer(pick, cursor, !pick.one_in(4));
  const Size size = draw_size(pick, cursor);
  Expected expected = size.refused;
  std::set<TableKey> splits;
  if (!expected) {
    splits = model.end_splits(cursor.at, size.bytes);
    if (splits.size() > pool_.room() || model.pages().size() > 2 * kMostPages) {
      if (splits.size() <= pool_.room()) return {};
      expected = MapError::kOutOfMemory;
    }
  }
  const PageProperties properties = draw_properties(second, cursor.start < half_);
  std::vector<std::uint64_t> told;
  const auto result = cursor.change->protect(size.bytes, cursor.token->flush,
                                             [&](VirtualAddress page, const Leaf&) {
                                               told.push_back(page.value());
                                               return to_library(properties);
                                             });
  if (expected) {
    require(told.empty(), "protect: refused, and pages were changed");
    return refused(kProtect, result, *expected, cursor);
  }
  require_done(kProtect, result);
  model.split_ends(cursor.at, size.bytes);
  add_tables(cursor, model, splits);
  std::size_t i = 0;
  for (auto page = model.first_page(cursor.at, size.bytes);
       page != model.pages().end() && page->first - cursor.at < size.bytes; ++page, ++i) {
    require(i < told.size() && told[i] == page->first, "protect: does not ask for the page at ",
            page->first);
    model.set_properties(page->first, stored(properties));
  }
  require(i == told.size(), "protect: asks for a page that is not there");
  cursor.at += size.bytes;
  require_position(cursor);
  return {told.empty() ? 1U : 0U, !told.empty()};
}

Step CursorsSystem::protect_next(Picker& pick, Picker& second) {
  const bool at_large = pool_.room() == 0 || pick.below(8) < 3;
  OpenCursor& cursor = at_large ? pick_large(pick) : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (!at_large) steer(pick, cursor, pick.one_in(2));
  const Size size = draw_size(pick, cursor);
  const PageProperties properties = draw_properties(second, cursor.start < half_);
  Expected expected = size.refused;
  std::set<TableKey> splits;
  std::uint64_t at = cursor.at;
  std::uint64_t part = 0;
  auto page = model.pages().end();
  if (!expected) page = model.first_page(cursor.at, size.bytes);
  if (page != model.pages().end()) {
    at = std::max(page->first, cursor.at);
    const std::uint64_t rest = size.bytes - (at - cursor.at);
    part = std::min(rest, ModelTree::bytes(page->second.level) - (at - page->first));
    splits = model.end_splits(at, part);
    if (splits.size() > pool_.room()) expected = MapError::kOutOfMemory;
  }
  const auto result = cursor.change->protect_next(
      size.bytes, cursor.token->flush,
      [&](VirtualAddress, const Leaf&) { return to_library(properties); });
  if (expected) return refused(kProtectNext, result, *expected, cursor);
  require_done(kProtectNext, result);
  if (page == model.pages().end()) {
    require(!result->has_value(), "protect-next: a page where there is none");
    cursor.at += size.bytes;
    require_position(cursor);
    return {1, false};
  }
  require(result->has_value(), "protect-next: nothing, and there is a page at ", page->first);
  model.split_ends(at, part);
  add_tables(cursor, model, splits);
  require_item(**result, cursor, at, "protect-next");
  page = model.page_at(at);
  const std::uint64_t behind = page->first + ModelTree::bytes(page->second.level);
  model.set_properties(page->first, stored(properties));
  cursor.at = behind;
  require_position(cursor);
  return {0, true};
}

}  // namespace quoll::model::cursors
