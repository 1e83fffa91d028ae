// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations that map pages, and put others in their place.
#include <algorithm>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::PhysicalAddress;
using paging::MapError;

/// Goes to where a large page could be and asks for it, and for some more perhaps. The result is
/// where it shall lie in memory; nothing when there is no such place.
std::optional<std::uint64_t> CursorsSystem::enlarge(Picker& second, OpenCursor& cursor,
                                                    Size& size) {
  const std::uint64_t unit = cursor.remaining() >= kHuge && second.one_in(4) ? kHuge : kLarge;
  const std::uint64_t at = (cursor.at + unit - 1) & ~(unit - 1);
  const std::uint64_t before = at - cursor.start;
  if (before >= cursor.size || cursor.size - before < unit) return std::nullopt;
  jump(cursor, at);
  size.bytes = unit;
  if (unit == kLarge && second.one_in(2)) {
    size.bytes = std::min(cursor.remaining(), unit * 2 + second.below(3) * kPage);
  }
  return second.below(64) * unit;
}

Step CursorsSystem::map(Picker& pick, Picker& second) {
  if (pool_.room() == 0) close_all();  // at another place, where tables are missing
  OpenCursor& cursor = pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  steer(pick, cursor, pick.one_in(8));
  const bool large = second.below(4) != 0;
  const PageProperties properties = draw_properties(second, cursor.start < half_);
  // Large stretches only where they become few pages.
  const bool is_full = model.pages().size() >= kMostPages;
  Size size = draw_size(pick, cursor, is_full ? kPage : 16 * kPage);
  std::uint64_t to = second.below(1 << 20) * kPage;
  Expected expected = size.refused;
  if (!expected && large && second.below(16) != 0 && cursor.remaining() >= kLarge && !is_full) {
    to = enlarge(second, cursor, size).value_or(to);
  }
  if (!expected) expected = spoil_address(second, size.bytes, to);
  Plan plan;
  if (!expected) {
    const bool vacant =
        model.plan(cursor.guard, cursor.at, size.bytes, to, stored(properties), large, plan);
    expected = check_plan(vacant, plan);
  }
  const auto result = cursor.change->map(
      PhysicalAddress(to), size.bytes, to_library(properties), cursor.token->flush,
      large ? paging::LargePages::kAllowed : paging::LargePages::kForbidden);
  if (expected) return refused(kMap, result, *expected, cursor);
  require_done(kMap, result);
  enter(cursor, plan, size.bytes);
  const bool has_large = std::any_of(plan.pages.begin(), plan.pages.end(),
                                     [](const auto& page) { return page.second.level > 0; });
  return {has_large ? 1U : 0U, true};
}

/// Makes of a physical address one that breaks a rule, or nearly does.
Expected CursorsSystem::spoil_address(Picker& second, std::uint64_t size, std::uint64_t& to) {
  switch (second.below(12)) {
    case 0:
      to += 1 + second.below(kPage - 1);
      return MapError::kUnaligned;
    case 1:
      to = kPhysicalLimit - size + kPage;
      if (second.one_in(2)) to = 0 - kPage;
      return MapError::kPhysicalRange;
    case 2:
      to = kPhysicalLimit - size;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

Expected CursorsSystem::check_plan(bool vacant, const Plan& plan) const {
  if (!vacant) return MapError::kAlreadyMapped;
  if (plan.tables.size() > pool_.room()) return MapError::kOutOfMemory;
  return std::nullopt;
}

void CursorsSystem::enter(OpenCursor& cursor, const Plan& plan, std::uint64_t size) {
  ModelTree& model = model_of(cursor);
  model.enter(plan);
  add_tables(cursor, model, plan.tables);
  cursor.at += size;
  require_position(cursor);
}

Step CursorsSystem::map_frames(Picker& pick, Picker& second) {
  if (pool_.room() == 0) close_all();  // at another place, where tables are missing
  OpenCursor& cursor = pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  const ModelTree& model = model_of(cursor);
  steer(pick, cursor, pick.one_in(8));
  const PageProperties properties = draw_properties(second, cursor.start < half_);
  std::vector<PhysicalAddress> frames;
  Expected expected = draw_frames(second, cursor, frames);
  const std::uint64_t size = frames.size() * kPage;
  Plan plan;
  if (!expected) {
    bool vacant = true;
    for (std::size_t i = 0; i < frames.size() && vacant; ++i) {
      vacant = model.plan(cursor.guard, cursor.at + i * kPage, kPage, frames[i].value(),
                          stored(properties), false, plan);
    }
    expected = check_plan(vacant, plan);
  }
  const auto result =
      cursor.change->map_frames(frames, to_library(properties), cursor.token->flush);
  if (expected) return refused(kMapFrames, result, *expected, cursor);
  require_done(kMapFrames, result);
  enter(cursor, plan, size);
  return {0, true};
}

/// Frames for a mapping; the result is the rule that they break.
Expected CursorsSystem::draw_frames(Picker& second, const OpenCursor& cursor,
                                    std::vector<PhysicalAddress>& frames) {
  const std::uint64_t most = cursor.remaining() / kPage;
  frames.resize(1 + second.below(12));
  if (second.one_in(10)) {
    frames.clear();
  } else if (second.one_in(10)) {
    frames.resize(std::min<std::uint64_t>(most + 1, 600));
  } else if (frames.size() > most) {
    frames.resize(most);
  }
  const std::uint64_t seed = second.below(1 << 16);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i] = PhysicalAddress((seed * 77 + i * i * 131) % (1 << 20) * kPage);
  }
  if (frames.size() > most) return MapError::kOutsideCursor;
  if (frames.empty()) return MapError::kEmpty;
  if (second.one_in(8)) {
    frames[second.below(frames.size())] += 1 + second.below(kPage - 1);
    return MapError::kUnaligned;
  }
  if (second.one_in(8)) {
    PhysicalAddress& bad = frames[second.below(frames.size())];
    bad = PhysicalAddress(second.one_in(2) ? kPhysicalLimit
                                           : kPhysicalLimit + second.below(1 << 20) * kPage);
    return MapError::kPhysicalRange;
  }
  return std::nullopt;
}

Step CursorsSystem::replace(Picker& pick, Picker& second) {
  const bool at_large = pool_.room() == 0 || pick.below(8) < 2;
  OpenCursor& cursor = at_large ? pick_large(pick) : pick_mutable(pick);
  const arch::mock::AsHart as(cursor.hart);
  ModelTree& model = model_of(cursor);
  if (!at_large) steer(pick, cursor, !pick.one_in(4));
  const PageProperties properties = draw_properties(second, cursor.start < half_);
  std::uint64_t to = second.below(1 << 20) * kPage;
  if (second.one_in(8)) to += 1 + second.below(kPage - 1);
  if (second.one_in(8)) to = kPhysicalLimit + second.below(16) * kPage;
  if (second.one_in(8)) to = kPhysicalLimit - kPage;
  if (pick.one_in(10)) {
    jump_to_end(cursor);
  }
  const auto page = model.page_at(cursor.at);
  Expected expected;
  if (cursor.remaining() == 0) {
    expected = MapError::kOutsideCursor;
  } else if (to % kPage != 0) {
    expected = MapError::kUnaligned;
  } else if (to >= kPhysicalLimit) {
    expected = MapError::kPhysicalRange;
  } else if (page == model.pages().end()) {
    expected = MapError::kNotMapped;
  } else if (page->second.level != 0) {
    expected = MapError::kSplitsLargePage;
  }
  const auto result =
      cursor.change->replace(PhysicalAddress(to), to_library(properties), cursor.token->flush);
  if (expected) return refused(kReplace, result, *expected, cursor);
  require_done(kReplace, result);
  require(equals(*result, page->second), "replace: something else was there");
  model.set_physical(cursor.at, to);
  model.set_properties(cursor.at, stored(properties));
  cursor.at += kPage;
  require_position(cursor);
  return {0, true};
}

}  // namespace quoll::model::cursors
