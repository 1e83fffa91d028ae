// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations that change no page: looking through cursors, through the machine, and without locks.
#include <algorithm>
#include <array>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::VirtualAddress;
using mem::VirtualRange;
using paging::MapError;

Step CursorsSystem::query(Picker& pick, Picker& second) {
  OpenCursor& cursor = pick_any(pick);
  const arch::mock::AsHart as(cursor.hart);
  steer(pick, cursor, second.one_in(2));
  if (second.one_in(6)) jump_to_end(cursor);
  const auto item = cursor.with([](auto& c) { return c.query(); });
  if (cursor.remaining() == 0) {
    require(!item && item.error() == MapError::kOutsideCursor, "query: no error at the end");
    return {2, false};
  }
  require(item.has_value(), "query: refused");
  require_item(*item, cursor, cursor.at, "query");
  require_position(cursor);
  return {item->is_mapped() ? 0U : 1U, false};
}

Step CursorsSystem::next(Picker& pick, Picker& second) {
  OpenCursor& cursor = pick_any(pick);
  const arch::mock::AsHart as(cursor.hart);
  steer(pick, cursor, second.one_in(2));
  if (second.one_in(6)) jump_to_end(cursor);
  const auto item = cursor.with([](auto& c) { return c.next(); });
  if (cursor.remaining() == 0) {
    require(!item.has_value(), "next: something behind the end");
    return {2, false};
  }
  require(item.has_value(), "next: nothing before the end");
  require_item(*item, cursor, cursor.at, "next");
  const std::uint64_t rest = item->range.size() - (cursor.at - item->range.start().value());
  cursor.at += std::min(rest, cursor.remaining());
  require_position(cursor);
  return {item->is_mapped() ? 0U : 1U, true};
}

Step CursorsSystem::jump(Picker& pick, Picker& second) {
  OpenCursor& cursor = pick_any(pick);
  const arch::mock::AsHart as(cursor.hart);
  std::uint64_t to = cursor.start + pick.below(cursor.size / kPage) * kPage;
  Expected expected;
  if (second.one_in(4)) {
    to += 1 + second.below(kPage - 1);
    expected = MapError::kUnaligned;
  } else if (second.one_in(4)) {
    to = cursor.start + cursor.size + second.below(100) * kPage;
    if (second.one_in(2)) to = cursor.start - (1 + second.below(100)) * kPage;
    expected = MapError::kOutsideCursor;
  }
  const auto result = cursor.with([&](auto& c) { return c.jump(VirtualAddress(to)); });
  if (expected) return refused(kJump, result, *expected, cursor);
  require(result.has_value(), "jump: refused");
  const bool moved = cursor.at != to;
  cursor.at = to;
  require_position(cursor);
  return {0, moved};
}

Step CursorsSystem::find_next(Picker& pick) {
  OpenCursor& cursor = pick_any(pick);
  const arch::mock::AsHart as(cursor.hart);
  const ModelTree& model = model_of(cursor);
  steer(pick, cursor, false);
  const Size size = draw_size(pick, cursor);
  const auto result = cursor.with([&](auto& c) { return c.find_next(size.bytes); });
  if (size.refused) return refused(kFindNext, result, *size.refused, cursor);
  require(result.has_value(), "find-next: refused");
  const auto page = model.first_page(cursor.at, size.bytes);
  const std::uint64_t before = cursor.at;
  if (page == model.pages().end()) {
    require(!result->has_value(), "find-next: a page where there is none");
    cursor.at += size.bytes;
    require_position(cursor);
    return {1, true};
  }
  require(result->has_value(), "find-next: nothing, and there is a page at ", page->first);
  cursor.at = std::max(page->first, cursor.at);
  require_item(**result, cursor, cursor.at, "find-next");
  require_position(cursor);
  return {0, cursor.at != before};
}

/// An address in a page of the model, the next one if there is none; or the address itself.
std::uint64_t CursorsSystem::address_near_page(Picker& pick, const ModelTree& model,
                                               std::uint64_t address) {
  if (model.pages().empty()) return address;
  auto page = model.pages().lower_bound(address);
  if (page == model.pages().end()) page = model.pages().begin();
  return page->first + pick.below(ModelTree::bytes(page->second.level) / kPage) * kPage;
}

Step CursorsSystem::touch(Picker& pick, unsigned hart) {
  // A few pages near each other: later operations will come to them again.
  bool any = false;
  for (int i = 0; i < 3; ++i) any |= touch_page(pick, hart);
  return {any ? 0U : 1U, false};
}

bool CursorsSystem::touch_page(Picker& pick, unsigned hart) {
  const std::size_t index = tree_index_of(hart);
  const ModelTree& model = trees_[index]->model;
  std::uint64_t address = anchors_[pick.below(anchors_.size())] + pick.below(12) * kPage;
  if (!model.pages().empty() && !pick.one_in(4)) address = address_near_page(pick, model, address);
  address += pick.below(kPage);
  if (index == 1 && address >= half_) return false;
  constexpr std::array kAccesses{mem::Access::kRead, mem::Access::kWrite, mem::Access::kExecute};
  const std::uint64_t how = pick.below(kAccesses.size());
  const auto page = model.page_at(address);
  std::optional<std::uint64_t> expected;
  if (page != model.pages().end()) {
    const PageProperties& p = page->second.properties;
    const std::array allowed{p.read, p.write, p.execute};
    // The emulated machine has no memory types: such a page faults there.
    if (allowed[how] && p.user && p.type == 0) {
      expected = page->second.physical + (address - page->first);
    }
  }
  const auto ask = [&]() -> std::optional<std::uint64_t> {
    const auto found =
        machine_.translate(hart, VirtualAddress(address), kAccesses[how], arch::mock::Mode::kUser);
    return found ? std::optional(found->value()) : std::nullopt;
  };
  auto found = ask();
  if (found != expected && !found) {
    // A fault of what was remembered: the handler fences and tries again.
    machine_.fence(hart, VirtualRange(VirtualAddress(address & ~(kPage - 1)), kPage));
    found = ask();
  }
  require(found == expected || is_pending(index, address), "hart ", hart, " reaches ",
          found.value_or(0), " through ", address, ", not ", expected.value_or(0),
          ", and no flush token tells of it");
  return found.has_value();
}

Step CursorsSystem::look_up(Picker& pick) {
  const std::size_t index = pick.below(trees_.size());
  const ModelTree& model = trees_[index]->model;
  std::uint64_t address = anchors_[pick.below(anchors_.size())] + pick.below(24) * kPage;
  if (!model.pages().empty() && pick.one_in(2)) address = address_near_page(pick, model, address);
  address += pick.below(kPage);
  if (pick.one_in(5)) address = half_ + pick.below(1 << 30);
  const bool canonical = address < half_ || address >= 0 - half_;
  if (canonical && index == 1 && address >= half_) return {};
  const auto found = trees_[index]->table.query(VirtualAddress(address));
  if (!canonical) {
    require(!found.has_value(), "look-up: something at an address that is not canonical");
    return {2, false};
  }
  const auto page = model.page_at(address);
  require(found.has_value() == (page != model.pages().end()),
          "look-up: ", found ? "a page" : "nothing", " at ", address);
  if (!found) return {1, false};
  require(found->page.start().value() == page->first &&
              found->page.size() == ModelTree::bytes(page->second.level) &&
              equals(found->leaf, page->second),
          "look-up: another page at ", address);
  return {0, false};
}

}  // namespace quoll::model::cursors
