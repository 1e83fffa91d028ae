// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Faults: of a hart that touches a page, ahead of time, and of the kernel's copies.
#include <algorithm>
#include <array>
#include <iterator>

#include <quoll/kernel/mem/user_copy.hpp>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::Access;
using mem::kPageSize;
using mem::VirtualAddress;
using vm::Backing;
using vm::CopyError;
using vm::FaultOutcome;

namespace {

/// Pages behind a fault that it may fill in too.
constexpr std::uint64_t kMostAhead = 16;

}  // namespace

Step ObjectsSystem::fault_step(std::uint32_t kind, FaultOutcome outcome, bool changed) const {
  const bool is_one = kind == kTouch;  // of several pages it is one that is not there
  switch (outcome) {
    case FaultOutcome::kResolved:
      return named(kind, "resolved", changed);
    case FaultOutcome::kNotMapped:
      return named(kind, "not mapped", changed);
    case FaultOutcome::kDenied:
      return named(kind, "denied", changed);
    case FaultOutcome::kOutsideVmo:
      return named(kind, is_one ? "outside the object" : "not there", changed);
    case FaultOutcome::kMustWait:
      return named(kind, is_one ? "must wait" : "not there", changed);
    case FaultOutcome::kUnavailable:
      return named(kind, is_one ? "unavailable" : "not there", changed);
    case FaultOutcome::kOutOfMemory:
      return named(kind, scarce_ ? "out of memory" : "no page table", changed);
    case FaultOutcome::kGuard:
      break;
  }
  mismatch(kinds()[kind].name, ": a guard, and there is none");
}

/// Has the model make of a fault what the space made of it.
void ObjectsSystem::judge_fault(FaultOutcome outcome, std::uint64_t number, Access access) {
  if (outcome == FaultOutcome::kOutOfMemory && scarce_) {
    reconcile_fault(number);
    return;
  }
  const FaultOutcome expected = world_.fault(space_, number, access);
  require(outcome == expected, "the fault at page ", number, " has the outcome ",
          static_cast<unsigned>(outcome), ", not ", static_cast<unsigned>(expected));
  if (outcome == FaultOutcome::kResolved) note_ahead(number);
  const VirtualAddress address(number * kPageSize);
  const vm::PageRequestRef request = space().page_request(address);
  const auto page = model().pages.find(number);
  const bool is_asked = page != model().pages.end() && page->second.object &&
                        page->second.object->requests.contains(page->second.object_page);
  require(static_cast<bool>(request) == is_asked, "the fault at page ", number,
          is_asked ? " has no request" : " has a request");
}

/// A fault may have filled in pages ahead, with what touching them would have given.
void ObjectsSystem::note_ahead(std::uint64_t number) {
  const auto first = model().pages.find(number);
  if (first == model().pages.end()) return;
  // It may have made zeros of the object's even where it could not show them then.
  const std::uint64_t mapping = first->second.mapping;
  for (auto page = std::next(first);
       page != model().pages.end() && page->first <= number + kMostAhead; ++page) {
    const PageModel& ahead = page->second;
    if (ahead.mapping != mapping || ahead.backing != Backing::kShared) continue;
    const FoundPage found = world_.look(*ahead.object, ahead.object_page);
    if (!found.error && found.bytes == 0) reconcile(*ahead.object, ahead.object_page);
  }
  space().for_each_leaf([&](VirtualAddress at, const paging::Leaf&, std::uint64_t) {
    const std::uint64_t ahead = at.value() / kPageSize;
    const auto page = model().pages.find(ahead);
    require(page != model().pages.end(), "page ", ahead, " is there ahead, and is not mapped");
    if (page->second.leaf) return;
    const bool is_ahead =
        page->second.mapping == mapping && ahead > number && ahead <= number + kMostAhead;
    require(is_ahead, "page ", ahead, " is there, and nobody touched it");
    if (page->second.object) {
      const FoundPage found = world_.look(*page->second.object, page->second.object_page);
      require(found.bytes == 0 || found.bytes == kPageSize, "page ", ahead, " is a copy ahead");
    }
    require(world_.fault(space_, ahead, Access::kRead) == FaultOutcome::kResolved, "page ", ahead,
            " is there ahead, and could not be had");
  });
}

/// Memory ran out, perhaps after the object had got its page.
void ObjectsSystem::reconcile_fault(std::uint64_t number) {
  const auto found = model().pages.find(number);
  if (found == model().pages.end() || found->second.backing != Backing::kShared) return;
  reconcile(*found->second.object, found->second.object_page);
}

/// A page to be touched: now and then one that its object does not have any more, where there is
/// one.
std::uint64_t ObjectsSystem::page_to_touch() {
  const std::uint64_t first = space_pages(1).first;
  if (how_.below(4) != 0) return first;
  const auto& pages = model().pages;
  const auto found = std::find_if(pages.lower_bound(first), pages.end(), [](const auto& entry) {
    const PageModel& page = entry.second;
    return page.object && page.object_page >= page.object->size;
  });
  return found == pages.end() ? first : found->first;
}

Step ObjectsSystem::touch() {
  const std::uint64_t number = page_to_touch();
  constexpr std::array kAccesses{Access::kWrite, Access::kWrite, Access::kRead,   Access::kWrite,
                                 Access::kRead,  Access::kRead,  Access::kExecute};
  const Access access = kAccesses[how_.below(kAccesses.size())];
  const bool tail = how_.below(2) == 0;
  const VirtualAddress at(number * kPageSize + (tail ? kTailAt : 0));
  const unsigned hart = arch::Harts::id();
  const std::uint64_t changes = world_.changes;
  auto physical = machine_.translate(hart, at, access);
  for (int tries = 0; !physical && tries < 3; ++tries) {
    const FaultOutcome outcome = space().handle_fault(at, access);
    judge_fault(outcome, number, access);
    if (outcome != FaultOutcome::kResolved) {
      return fault_step(kTouch, outcome, world_.changes != changes);
    }
    physical = machine_.translate(hart, at, access);
  }
  require(physical.has_value(), "touch: it faults again and again");
  const auto found = model().pages.find(number);
  require(found != model().pages.end() && found->second.gives(access), "touch: it should fault");
  FrameModel& frame = *found->second.leaf->frame;
  std::uint64_t& expected = tail ? frame.content.tail : frame.content.head;
  std::uint64_t& there = *machine_.phys_map().pointer<std::uint64_t>(*physical);
  require(there == expected, "touch: page ", number, " holds ", there, ", not ", expected);
  if (access == Access::kWrite) there = expected = new_value();
  return named(kTouch, "resolved", access == Access::kWrite || world_.changes != changes);
}

Step ObjectsSystem::populate() {
  const Pages pages = space_pages(scarce_ ? 1 : 5);
  const Access access = how_.below(2) == 0 ? Access::kRead : Access::kWrite;
  const FaultOutcome outcome = space().populate(pages.addresses(), access);
  const std::uint64_t changes = world_.changes;
  if (outcome == FaultOutcome::kOutOfMemory && scarce_) {
    reconcile_fault(pages.first);
  } else {
    FaultOutcome expected = FaultOutcome::kResolved;
    for (std::uint64_t p = pages.first; p < pages.end(); ++p) {
      expected = world_.fault(space_, p, access);
      if (expected != FaultOutcome::kResolved) break;
    }
    require(outcome == expected, "populate: from page ", pages.first, " the outcome ",
            static_cast<unsigned>(outcome), ", not ", static_cast<unsigned>(expected));
  }
  return fault_step(kPopulate, outcome, world_.changes != changes);
}

/// What the kernel is told when it copies from or to the ends of two neighbours. What it writes to
/// the first is there before it comes to the second, which may be a copy of the same page.
std::optional<CopyError> ObjectsSystem::expect_copy(const Pages& pages, Access access,
                                                    std::uint64_t first_word) {
  for (std::uint64_t p = pages.first; p < pages.end(); ++p) {
    const auto found = model().pages.find(p);
    if (p != pages.first && access == Access::kWrite) {
      model().pages.at(pages.first).leaf->frame->content.tail = first_word;
    }
    if (found != model().pages.end() && found->second.gives(access)) continue;
    switch (world_.fault(space_, p, access)) {
      case FaultOutcome::kResolved:
        break;
      case FaultOutcome::kMustWait:
        return CopyError::kMustWait;
      case FaultOutcome::kOutOfMemory:
        return CopyError::kOutOfMemory;
      default:
        return CopyError::kBadAddress;
    }
  }
  return std::nullopt;
}

/// The kernel copies the last word of a page and the first of the next one, in or out. Where memory
/// is scarce it is the one word: so it is known which page ran out.
Step ObjectsSystem::copy() {
  Pages pages{space_pages(1).first, scarce_ ? 1U : 2U};
  // Two neighbours, if there are.
  const auto& mapped = model().pages;
  if (!mapped.contains(pages.end() - 1) && mapped.contains(pages.first - 1)) --pages.first;
  const bool out = how_.below(2) == 0;
  const Access access = out ? Access::kWrite : Access::kRead;
  const VirtualAddress at(pages.offset() + kTailAt);
  // A hart that remembers that there was nothing faults where the tables have the page by now.
  machine_.fence(arch::Harts::id(), pages.addresses());
  std::array<std::uint64_t, 2> words{};
  if (out) words = {new_value(), new_value()};
  const std::size_t size = pages.count * sizeof words[0];
  const auto result = out ? vm::copy_to_user(space(), at, words.data(), size)
                          : vm::copy_from_user(space(), words.data(), at, size);
  const std::uint64_t changes = world_.changes;
  const auto error = result ? std::optional<CopyError>() : std::optional(result.error());
  if (error == CopyError::kOutOfMemory && scarce_) {
    reconcile_fault(pages.first);
    return named(kCopy, "out of memory", world_.changes != changes);
  }
  require(error == expect_copy(pages, access, words[0]), "copy: another outcome");
  for (std::uint64_t p = pages.end(); p-- > pages.first;) note_ahead(p);
  // What was copied before a page stood against it stays copied.
  const auto content = [&](std::uint64_t number) -> Content* {
    const auto page = model().pages.find(number);
    if (page == model().pages.end() || !page->second.gives(access)) return nullptr;
    return &page->second.leaf->frame->content;
  };
  const auto compare = [&](std::uint64_t& there, std::uint64_t word) {
    if (out) there = word;
    require(there == word, "copy: ", word, ", not ", there);
  };
  Content* const first = content(pages.first);
  if (first != nullptr) compare(first->tail, words[0]);
  if (!error && pages.count == 2) compare(content(pages.first + 1)->head, words[1]);
  const bool changed = world_.changes != changes || (out && first != nullptr);
  if (!error) return named(kCopy, out ? "out" : "in", changed);
  if (*error == CopyError::kMustWait) return named(kCopy, "must wait", changed);
  if (*error == CopyError::kBadAddress) return named(kCopy, "bad address", changed);
  return named(kCopy, "no page table", changed);
}

}  // namespace quoll::model::objects
