// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page faults: what is promised is filled in. A fault fills one page; fault_ahead.cpp those behind
// it, where pages are touched in a row.
//
// A page that was absent is made present without a fence. A hart that remembers that there was
// nothing, or whose walk does not see the new entry yet, faults once more; then the page is found
// present, and only that costs a fence, of this hart. It is the bargain that other harts have
// anyway: machines that keep absent entries pay for a second fault, the others for nothing.
#include <algorithm>
#include <cstring>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/mem/page_size.hpp>

#include "fill_quickly.hpp"

namespace quoll::vm {

using mem::kPageSize;

FaultOutcome AddressSpace::handle_fault(mem::VirtualAddress address, mem::Access access) {
  const mem::VirtualAddress page = address.align_down(kPageSize);
  sync::LockGuard guard(lock_);
  Region* const region = faulting_region(page);
  if (region == nullptr) return FaultOutcome::kNotMapped;
  if (!region->permissions.allows(access)) [[unlikely]]
    return region->backing == Backing::kGuard ? FaultOutcome::kGuard : FaultOutcome::kDenied;
  if (region->backing != Backing::kAnonymous || !fill_quickly(*region, page)) [[unlikely]] {
    return resolve_in_run(*region, page, access);
  }
  if (page == region->next_in_run) {
    go_on_in_run(*region, page, access);
  } else {
    region->run = 1;
    region->next_in_run = page + kPageSize;
  }
  return FaultOutcome::kResolved;
}

/// What is out of the ordinary, and whether it was one of a run all the same.
FaultOutcome AddressSpace::resolve_in_run(Region& region, mem::VirtualAddress page,
                                          mem::Access access) {
  PagedVmo* const object = region.paged();
  const bool is_shown = object != nullptr && show_quickly(region, *object, page, access);
  const FaultOutcome outcome = is_shown ? FaultOutcome::kResolved : resolve(region, page, access);
  if (outcome != FaultOutcome::kResolved) return outcome;
  if (page == region.next_in_run) {
    go_on_in_run(region, page, access);
  } else {
    region.run = 1;
    region.next_in_run = page + kPageSize;
  }
  return outcome;
}

/// One page, and none ahead of it.
FaultOutcome AddressSpace::fault_alone(mem::VirtualAddress page, mem::Access access) {
  const Region* const region = faulting_region(page);
  if (region == nullptr) return FaultOutcome::kNotMapped;
  if (!region->permissions.allows(access)) {
    return region->backing == Backing::kGuard ? FaultOutcome::kGuard : FaultOutcome::kDenied;
  }
  if (region->backing == Backing::kAnonymous && fill_quickly(*region, page)) {
    return FaultOutcome::kResolved;
  }
  PagedVmo* const object = region->paged();
  if (object != nullptr && show_quickly(*region, *object, page, access)) {
    return FaultOutcome::kResolved;
  }
  return resolve(*region, page, access);
}

FaultOutcome AddressSpace::populate(mem::VirtualRange range, mem::Access access) {
  /// So many pages before others get the lock.
  constexpr std::uint64_t kAtOnce = 32;
  FaultOutcome outcome = FaultOutcome::kResolved;
  const mem::VirtualAddress first = range.start().align_down(kPageSize);
  const std::uint64_t pages = mem::pages_for(range.start() - first + range.size());
  for (std::uint64_t done = 0; done < pages;) {
    const mem::VirtualAddress page = first + done * kPageSize;
    sync::LockGuard guard(lock_);
    outcome = fault_alone(page, access);
    if (outcome != FaultOutcome::kResolved) break;
    const std::uint64_t rest = std::min(pages - done - 1, kAtOnce);
    done += 1 + fill_ahead(*recent_, page, access, {rest, rest});
  }
  // Nobody has faulted yet who would fault again: one fence for all that this hart may remember.
  if (!range.is_empty()) {
    TlbFlusher flusher(*space_);
    flusher.changes().include(range, paging::FenceReach::kLocal);
    flusher.dispatch();
  }
  return outcome;
}

/// The region of a page: most faults follow another one in the same region.
Region* AddressSpace::faulting_region(mem::VirtualAddress page) noexcept {
  if (recent_ == nullptr || !recent_->range.contains(page)) [[unlikely]]
    note_faulting_region(page);
  return recent_;
}

/// A region is touched from its first fault on, which is noted here and costs the others nothing.
void AddressSpace::note_faulting_region(mem::VirtualAddress page) noexcept {
  recent_ = region_of(page);
  if (recent_ != nullptr) recent_->touched = true;
}

/// A page that is absent is filled in. One that is present: another hart was faster, this one
/// remembers what was, or a private page is written for the first time.
FaultOutcome AddressSpace::resolve(const Region& region, mem::VirtualAddress page,
                                   mem::Access access) {
  if (PagedVmo* const object = region.paged()) return resolve_paged(region, *object, page, access);
  TlbFlusher flusher(*space_);
  {
    auto entry = tables().page_mut(page);
    const auto leaf = entry->query().leaf;
    if (!leaf) return fill(region, *entry, page, access);
    if (leaf->properties.permissions.allows(access)) {
      flusher.changes().include(mem::VirtualRange(page, kPageSize), paging::FenceReach::kLocal);
    } else {
      QUOLL_ASSERT(region.backing == Backing::kPrivate && access == mem::Access::kWrite);
      auto frame = copy_of(region, page);
      if (!frame) return FaultOutcome::kOutOfMemory;
      const auto replaced =
          entry->replace(frame->address(), {region.permissions}, flusher.changes());
      QUOLL_ASSERT(replaced.has_value());
      (void)frame->leak();
      ++usage_.resident_pages;
    }
  }
  flusher.dispatch();
  return FaultOutcome::kResolved;
}

/// Maps what belongs to an absent page: zeros, a VMO's page, or the space's own copy of that where
/// it is written or only partly content.
FaultOutcome AddressSpace::fill(const Region& region, PageTable::PageMut& entry,
                                mem::VirtualAddress page, mem::Access access) {
  QUOLL_ASSERT(region.backing != Backing::kReserved && region.backing != Backing::kGuard);
  if (region.backing == Backing::kAnonymous) {
    auto zeros = kernel_.frames().allocate_zeroed(FrameUse::kGuest);
    if (!zeros) return FaultOutcome::kOutOfMemory;
    // Harts may remember instructions of whoever had the frame before.
    if (region.permissions.can_execute()) fence_code_everywhere();
    return fill_with(std::move(*zeros), region, entry);
  }
  mem::Permissions permissions = region.permissions;
  if (region.backing == Backing::kPrivate) {
    const std::uint64_t behind = region.vmo_offset + (page - region.range.start()) + kPageSize;
    if (access == mem::Access::kWrite || behind > region.vmo->content_size()) {
      auto copy = copy_of(region, page);
      if (!copy) return FaultOutcome::kOutOfMemory;
      return fill_with(std::move(*copy), region, entry);
    }
    permissions = permissions.without_write();
  }
  paging::Flush added;
  const paging::Properties properties{permissions, region.vmo->cache_mode()};
  if (!entry.map(region.vmo_frame(page), properties, added)) return FaultOutcome::kOutOfMemory;
  added.waive();
  return FaultOutcome::kResolved;
}

/// Maps a frame that is the space's own from here on.
FaultOutcome AddressSpace::fill_with(Frame frame, const Region& region, PageTable::PageMut& entry) {
  paging::Flush added;
  // On refusal the handle gives the frame back.
  if (!entry.map(frame.address(), {region.permissions}, added)) return FaultOutcome::kOutOfMemory;
  added.waive();
  (void)frame.leak();
  ++usage_.resident_pages;
  return FaultOutcome::kResolved;
}

/// A frame with the space's own copy of a VMO's page.
base::Result<Frame, AllocError> AddressSpace::copy_of(const Region& region,
                                                      mem::VirtualAddress page) {
  Frame frame = TRY(kernel_.frames().allocate(FrameUse::kGuest));
  const std::uint64_t offset = region.vmo_offset + (page - region.range.start());
  // A mapping ends where its object does, whose last page has some content.
  const std::uint64_t size = std::min(region.vmo->content_size() - offset, kPageSize);
  auto* to = static_cast<std::byte*>(frame.data());
  std::memcpy(to, kernel_.phys_map().pointer(region.vmo_frame(page)), size);
  std::memset(to + size, 0, kPageSize - size);
  if (region.permissions.can_execute()) fence_code_everywhere();
  return frame;
}

}  // namespace quoll::vm
