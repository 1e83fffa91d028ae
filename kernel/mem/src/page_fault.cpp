// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page faults: what is promised is filled in, one page at a time.
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

#include "frame_alloc/zero.hpp"

namespace quoll::vm {

using mem::kPageSize;

/// What most faults need, inline and in registers: the first touch of a page whose page table is
/// there. Anything else, a refusal included, is left to `resolve`.
bool AddressSpace::fill_quickly(const Region& region, mem::VirtualAddress page) noexcept {
  auto entry = tables().page_mut(page);
  if (!entry->can_fill()) return false;
  auto frame = kernel_.frames().allocate(FrameUse::kGuest);
  if (!frame) [[unlikely]]
    return false;
  const mem::PhysicalAddress own = frame->leak();
  fill_with_zeros(kernel_.phys_map().pointer(own));
  entry->fill(own, {region.permissions});
  ++usage_.resident_pages;
  return true;
}

FaultOutcome AddressSpace::handle_fault(mem::VirtualAddress address, mem::Access access) {
  if (!bounds_.contains(address)) return FaultOutcome::kNotMapped;
  const mem::VirtualAddress page = address.align_down(kPageSize);
  sync::LockGuard guard(lock_);
  const Region* region = faulting_region(page);
  if (region == nullptr) return FaultOutcome::kNotMapped;
  if (!region->permissions.allows(access)) [[unlikely]]
    return region->backing == Backing::kGuard ? FaultOutcome::kGuard : FaultOutcome::kDenied;
  if (region->backing == Backing::kAnonymous && fill_quickly(*region, page)) [[likely]] {
    return FaultOutcome::kResolved;
  }
  return resolve(*region, page, access);
}

FaultOutcome AddressSpace::populate(mem::VirtualRange range, mem::Access access) {
  FaultOutcome outcome = FaultOutcome::kResolved;
  for (std::uint64_t offset = 0; offset < range.size(); offset += kPageSize) {
    outcome = handle_fault(range.start() + offset, access);
    if (outcome != FaultOutcome::kResolved) break;
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
  const std::uint64_t content = region.vmo->content_size();
  const std::uint64_t size = content > offset ? std::min(content - offset, kPageSize) : 0;
  auto* to = static_cast<std::byte*>(frame.data());
  if (size > 0) std::memcpy(to, kernel_.phys_map().pointer(region.vmo_frame(page)), size);
  std::memset(to + size, 0, kPageSize - size);
  if (region.permissions.can_execute()) fence_code_everywhere();
  return frame;
}

}  // namespace quoll::vm
