// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations that make small pages of a large one, and a large one of small pages.
#include "cursors_system.hpp"

namespace quoll::model::cursors {

using paging::MapError;

bool CursorsSystem::is_page_size(unsigned shift) const {
  return (shift - 12) % 9 == 0 && (shift - 12) / 9 < levels();
}

/// To the first large page, if there is one.
void CursorsSystem::go_to_large(OpenCursor& cursor) {
  const ModelTree& model = model_of(cursor);
  for (auto page = model.first_page(cursor.start, cursor.size);
       page != model.pages().end() && page->first - cursor.start + kPage <= cursor.size; ++page) {
    if (page->second.level == 0) continue;
    if (page->first >= cursor.start) jump(cursor, page->first);
    return;
  }
}

Expected CursorsSystem::check_split(const OpenCursor& cursor, unsigned shift) {
  if (!is_page_size(shift)) return MapError::kNoSuchPageSize;
  if (cursor.remaining() == 0) return MapError::kOutsideCursor;
  const ModelTree& model = model_of(cursor);
  const auto page = model.page_at(cursor.at);
  if (page == model.pages().end()) return MapError::kNotMapped;
  const unsigned wanted = (shift - 12) / 9;
  const unsigned level = page->second.level;
  if (level > wanted && level - wanted > pool_.room()) return MapError::kOutOfMemory;
  return std::nullopt;
}

Step CursorsSystem::split(Picker& pick) {
  const bool at_large = pool_.room() == 0 || pick.below(8) < 5;
  OpenCursor& cursor = at_large ? pick_large(pick) : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (!at_large) steer(pick, cursor, !pick.one_in(5));
  if (!at_large && cursor.remaining() != 0 && !pick.one_in(3)) go_to_large(cursor);
  const unsigned wanted = static_cast<unsigned>(pick.below(2));
  unsigned shift = 12 + 9 * wanted;
  if (pick.one_in(6)) shift = pick.one_in(2) ? 13 : 12 + 9 * levels();
  if (pick.one_in(10)) jump_to_end(cursor);
  const Expected expected = check_split(cursor, shift);
  const auto page = model.page_at(cursor.at);
  const bool is_large = page != model.pages().end() && page->second.level > wanted;
  if (!expected && is_large && model.pages().size() > kMostPages) return {};
  const auto result = cursor.change->split(static_cast<mem::PageSize>(shift), cursor.token->flush);
  if (expected) return refused(kSplit, result, *expected, cursor);
  require_done(kSplit, result);
  require_position(cursor);
  if (!is_large) return {1, false};
  for (unsigned level = page->second.level; level > wanted; --level) {
    add_tables(cursor, model, {model.key(level - 1, cursor.at)});
    model.split_at(cursor.at);
  }
  return {0, true};
}

/// To where there are pages enough, if there is such a place; else nearly always nothing fits.
void CursorsSystem::go_to_mergeable(Picker& second, OpenCursor& cursor, unsigned level) {
  const ModelTree& model = model_of(cursor);
  const std::uint64_t bytes = ModelTree::bytes(level);
  const std::uint64_t last = cursor.start + (cursor.size - kPage);
  for (auto page = model.first_page(cursor.start, cursor.size);
       page != model.pages().end() && page->first < last; ++page) {
    if (page->first % bytes != 0 || page->first < cursor.start || page->second.level >= level) {
      continue;
    }
    jump(cursor, page->first);
    if (!second.one_in(4) || model.is_uniform(page->first, bytes)) return;
  }
}

/// What is wrong with a merge before its pages are looked at.
Expected CursorsSystem::check_merge(const OpenCursor& cursor, unsigned shift, unsigned level) {
  const std::uint64_t bytes = std::uint64_t{1} << shift;
  if (!is_page_size(shift)) return MapError::kNoSuchPageSize;
  if (bytes > cursor.remaining()) return MapError::kOutsideCursor;
  if (cursor.at % bytes != 0) return MapError::kUnaligned;
  if (level > cursor.guard.first) return MapError::kNarrowCursor;
  const ModelTree& model = model_of(cursor);
  const auto page = model.page_at(cursor.at);
  if (page == model.pages().end()) return MapError::kNotMapped;
  if (page->second.level >= level) return std::nullopt;
  if (!model.reclaims()) return MapError::kKeepsTables;
  if (!model.is_uniform(cursor.at, bytes)) return MapError::kNotUniform;
  return std::nullopt;
}

Step CursorsSystem::merge(Picker& pick, Picker& second) {
  const std::uint64_t how = pick.below(8);
  OpenCursor* const uniform = how < 4 ? open_uniform(pick) : nullptr;
  OpenCursor& cursor = uniform != nullptr ? *uniform
                       : how == 7         ? pick_large(pick)
                                          : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (uniform == nullptr && how != 7) steer(pick, cursor, !pick.one_in(5));
  const unsigned level = pick.one_in(8) ? static_cast<unsigned>(pick.below(3)) : 1;
  unsigned shift = 12 + 9 * level;
  if (pick.one_in(12)) shift = pick.one_in(2) ? 15 : 12 + 9 * levels();
  if (uniform == nullptr && how < 6 && !second.one_in(3)) go_to_mergeable(second, cursor, level);
  const Expected expected = check_merge(cursor, shift, level);
  const auto result = cursor.change->merge(static_cast<mem::PageSize>(shift), cursor.token->flush);
  if (expected) return refused(kMerge, result, *expected, cursor);
  require_done(kMerge, result);
  const bool already = model.page_at(cursor.at)->second.level >= level;
  if (!already) drop_tables(cursor, model.merge(cursor.at, level));
  cursor.at += ModelTree::bytes(level);
  require_position(cursor);
  return {already ? 1U : 0U, true};
}

}  // namespace quoll::model::cursors
