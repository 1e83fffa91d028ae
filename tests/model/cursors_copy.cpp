// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pages of one range shared with another.
#include <algorithm>
#include <utility>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::VirtualAddress;
using paging::Leaf;
using paging::MapError;

/// Makes it all of a large page, where there is one and both sides have room for it.
void CursorsSystem::align_copy(OpenCursor& source, OpenCursor& to, Size& size) {
  const ModelTree& from = model_of(source);
  const auto page = from.page_at(source.at);
  if (page == from.pages().end() || page->second.level == 0 || page->first < source.start) return;
  const std::uint64_t bytes = ModelTree::bytes(page->second.level);
  const std::uint64_t at = (to.at + bytes - 1) & ~(bytes - 1);
  if (bytes > source.size - (page->first - source.start)) return;
  if (at - to.start >= to.size || bytes > to.size - (at - to.start)) return;
  jump(source, page->first);
  jump(to, at);
  size.bytes = bytes;
}

/// What there is to copy, as it is after the pages at the ends have been split. False when
/// something is in the way.
bool CursorsSystem::plan_copy(const OpenCursor& source, const OpenCursor& to, std::uint64_t size,
                              Plan& plan) {
  const ModelTree& from = model_of(source);
  const ModelTree& model = model_of(to);
  for (auto page = from.first_page(source.at, size);
       page != from.pages().end() && (page->first < source.at || page->first - source.at < size);
       ++page) {
    const std::uint64_t first = std::max(page->first, source.at);
    const std::uint64_t in_page = ModelTree::bytes(page->second.level) - (first - page->first);
    const std::uint64_t part = std::min(in_page, size - (first - source.at));
    PageProperties properties = page->second.properties;
    properties.write = false;
    if (!model.plan(to.guard, first - source.at + to.at, part,
                    page->second.physical + (first - page->first), properties, true, plan)) {
      return false;
    }
  }
  return true;
}

/// Write-protects what was copied, and compares what the library told of.
void CursorsSystem::protect_source(OpenCursor& source, std::uint64_t size, const Shared& told) {
  ModelTree& from = model_of(source);
  std::size_t i = 0;
  for (auto page = from.first_page(source.at, size);
       page != from.pages().end() && page->first - source.at < size; ++page, ++i) {
    require(
        i < told.size() && told[i].first == page->first && told[i].second == page->second.physical,
        "copy: does not tell of the page at ", page->first);
    PageProperties properties = page->second.properties;
    properties.write = false;
    from.set_properties(page->first, properties);
  }
  require(i == told.size(), "copy: tells of a page that is not there");
}

/// Another cursor to copy to. Opening it may have closed the first: null then.
OpenCursor* CursorsSystem::pick_target(Picker& pick, const OpenCursor* source) {
  OpenCursor* const to = &pick_mutable(pick, source);
  const bool is_open = std::any_of(cursors_.begin(), cursors_.end(),
                                   [&](const auto& cursor) { return cursor.get() == source; });
  return is_open && source != to ? to : nullptr;
}

Step CursorsSystem::copy(Picker& pick, Picker& second) {
  OpenCursor* const source = &pick_mutable(pick);
  OpenCursor* const to = pick_target(pick, source);
  if (to == nullptr) return {};
  const arch::mock::AsHart as(to->hart);
  ModelTree& from = model_of(*source);
  if ((source->start < half_) != (to->start < half_) && second.one_in(2)) return {};
  steer(pick, *source, !pick.one_in(6));
  steer(pick, *to, pick.one_in(8));
  Size size = draw_size(pick, *to, 24 * kPage);
  Expected expected = size.refused;
  if (!expected && second.one_in(3)) align_copy(*source, *to, size);
  if (!expected && size.bytes > source->remaining()) {
    if (source->remaining() == 0 || second.one_in(3)) {
      expected = MapError::kOutsideCursor;
    } else {
      size.bytes = source->remaining();
    }
  }
  std::set<TableKey> splits;
  Plan plan;
  if (!expected) {
    splits = from.end_splits(source->at, size.bytes);
    const bool vacant = plan_copy(*source, *to, size.bytes, plan);
    if (!vacant) {
      expected = MapError::kAlreadyMapped;
    } else if (plan.tables.size() + splits.size() > pool_.room()) {
      expected = MapError::kOutOfMemory;
    }
  }
  Shared told;
  const auto result =
      to->change->copy_from(*source->change, size.bytes, to->token->flush, source->token->flush,
                            [&](VirtualAddress page, const Leaf& leaf, std::uint64_t) {
                              told.emplace_back(page.value(), leaf.address.value());
                            });
  if (expected) {
    require(told.empty(), "copy: refused, and pages were shared");
    require_position(*source);
    return refused(kCopy, result, *expected, *to);
  }
  require_done(kCopy, result);
  from.split_ends(source->at, size.bytes);
  add_tables(*source, from, splits);
  protect_source(*source, size.bytes, told);
  enter(*to, plan, size.bytes);
  source->at += size.bytes;
  require_position(*source);
  return {told.empty() ? 1U : 0U, !told.empty()};
}

}  // namespace quoll::model::cursors
