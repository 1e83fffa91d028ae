// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page faults: what is promised is filled in, by one cursor over the one page.
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

namespace quoll::vm {

using mem::kPageSize;

FaultOutcome AddressSpace::handle_fault(mem::VirtualAddress address, mem::Access access) {
  if (!bounds_.contains(address)) return FaultOutcome::kNotMapped;
  const mem::VirtualAddress page = address.align_down(kPageSize);
  sync::LockGuard guard(lock_);
  const Region* region = faulting_region(page);
  if (region == nullptr) return FaultOutcome::kNotMapped;
  if (!region->permissions.allows(access)) return FaultOutcome::kDenied;
  TlbFlusher flusher(*space_);
  FaultOutcome outcome{};
  {
    auto cursor = tables().cursor_mut(page, kPageSize);
    const auto found = cursor->query();
    if (!found->leaf) [[likely]]
      return fill_in(*region, *cursor, access);
    outcome = look_again(*region, *cursor, *found->leaf, access, flusher.changes());
  }
  flusher.dispatch();
  return outcome;
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
  if (recent_ == nullptr || !recent_->range.contains(page)) recent_ = region_of(page);
  return recent_;
}

/// Maps what belongs at the cursor, where nothing is mapped.
FaultOutcome AddressSpace::fill_in(const Region& region, PageTable::CursorMut& cursor,
                                   mem::Access access) {
  const mem::VirtualAddress page = cursor.position();
  Frame own;
  mem::PhysicalAddress to;
  mem::Permissions permissions = region.permissions;
  switch (region.backing) {
    case Backing::kReserved:
      return FaultOutcome::kDenied;
    case Backing::kAnonymous: {
      auto frame = kernel_.frames().allocate_zeroed(FrameUse::kGuest);
      if (!frame) return FaultOutcome::kOutOfMemory;
      own = std::move(*frame);
      to = own.address();
      break;
    }
    case Backing::kShared:
      to = region.vmo_frame(page);
      break;
    case Backing::kPrivate: {
      const std::uint64_t behind = region.vmo_offset + (page - region.range.start()) + kPageSize;
      if (access == mem::Access::kWrite || behind > region.vmo->content_size()) {
        auto frame = copy_of(region, page);
        if (!frame) return FaultOutcome::kOutOfMemory;
        own = std::move(*frame);
        to = own.address();
      } else {
        to = region.vmo_frame(page);
        permissions = permissions.without_write();
      }
      break;
    }
  }
  paging::Flush added;
  // On refusal the handle gives the frame back.
  if (!cursor.map(to, kPageSize, {permissions}, added)) return FaultOutcome::kOutOfMemory;
  added.waive();
  if (own) {
    (void)own.leak();
    ++usage_.resident_pages;
  }
  return FaultOutcome::kResolved;
}

/// A fault of a page that is present: another hart was faster, this one remembers what was, or a
/// private page is written for the first time.
FaultOutcome AddressSpace::look_again(const Region& region, PageTable::CursorMut& cursor,
                                      const paging::Leaf& leaf, mem::Access access,
                                      paging::Flush& flush) {
  const mem::VirtualAddress page = cursor.position();
  if (leaf.properties.permissions.allows(access)) {
    flush.include(mem::VirtualRange(page, kPageSize), paging::FenceReach::kLocal);
    return FaultOutcome::kResolved;
  }
  QUOLL_ASSERT(region.backing == Backing::kPrivate && access == mem::Access::kWrite);
  auto frame = copy_of(region, page);
  if (!frame) return FaultOutcome::kOutOfMemory;
  QUOLL_ASSERT(cursor.replace(frame->address(), {region.permissions}, flush).has_value());
  (void)frame->leak();
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
