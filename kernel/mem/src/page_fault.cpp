// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page faults: what is promised is filled in. The fault of a page that somebody else has filled
// in meanwhile costs a local fence.
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
  TlbFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  const FaultOutcome outcome = resolve(address.align_down(kPageSize), access, flusher.changes());
  flusher.dispatch();
  return outcome;
}

FaultOutcome AddressSpace::populate(mem::VirtualRange range, mem::Access access) {
  for (std::uint64_t offset = 0; offset < range.size(); offset += kPageSize) {
    const FaultOutcome outcome = handle_fault(range.start() + offset, access);
    if (outcome != FaultOutcome::kResolved) return outcome;
  }
  return FaultOutcome::kResolved;
}

FaultOutcome AddressSpace::resolve(mem::VirtualAddress page, mem::Access access,
                                   paging::Flush& flush) {
  const Region* region = region_of(page);
  if (region == nullptr) return FaultOutcome::kNotMapped;
  if (!region->permissions.allows(access)) return FaultOutcome::kDenied;

  if (const auto found = tables().query(page)) {
    if (found->leaf.properties.permissions.allows(access)) {
      // Another hart was faster, or this one remembers what was.
      flush.include(mem::VirtualRange(page, kPageSize), paging::FenceReach::kLocal);
      return FaultOutcome::kResolved;
    }
    QUOLL_ASSERT(region->backing == Backing::kPrivate && access == mem::Access::kWrite);
    return copy_page(*region, page, true, flush);
  }

  switch (region->backing) {
    case Backing::kReserved:
      return FaultOutcome::kDenied;
    case Backing::kAnonymous: {
      auto frame = kernel_.frames().allocate_zeroed(FrameUse::kGuest);
      if (!frame) return FaultOutcome::kOutOfMemory;
      return fill_page(*region, page, std::move(*frame), flush);
    }
    case Backing::kShared: {
      const auto mapped =
          tables().map_page(page, region->vmo_frame(page), {region->permissions}, flush);
      return mapped ? FaultOutcome::kResolved : FaultOutcome::kOutOfMemory;
    }
    case Backing::kPrivate: {
      const std::uint64_t behind = region->vmo_offset + (page - region->range.start()) + kPageSize;
      if (access == mem::Access::kWrite || behind > region->vmo->content_size()) {
        return copy_page(*region, page, false, flush);
      }
      const auto mapped = tables().map_page(page, region->vmo_frame(page),
                                            {region->permissions.without_write()}, flush);
      return mapped ? FaultOutcome::kResolved : FaultOutcome::kOutOfMemory;
    }
  }
  return FaultOutcome::kDenied;
}

/// Maps a frame that the space owns from here on, where nothing is mapped.
FaultOutcome AddressSpace::fill_page(const Region& region, mem::VirtualAddress page, Frame frame,
                                     paging::Flush& flush) {
  // On refusal the handle gives the frame back.
  if (!tables().map_page(page, frame.address(), {region.permissions}, flush)) {
    return FaultOutcome::kOutOfMemory;
  }
  (void)frame.leak();
  ++usage_.resident_pages;
  return FaultOutcome::kResolved;
}

/// Gives the space its own copy of a VMO's page.
FaultOutcome AddressSpace::copy_page(const Region& region, mem::VirtualAddress page,
                                     bool is_present, paging::Flush& flush) {
  auto allocated = kernel_.frames().allocate(FrameUse::kGuest);
  if (!allocated) return FaultOutcome::kOutOfMemory;
  Frame frame = std::move(*allocated);
  const std::uint64_t offset = region.vmo_offset + (page - region.range.start());
  const std::uint64_t content = region.vmo->content_size();
  const std::uint64_t size = content > offset ? std::min(content - offset, kPageSize) : 0;
  auto* to = static_cast<std::byte*>(frame.data());
  if (size > 0) {
    std::memcpy(to, kernel_.phys_map().pointer(region.vmo_frame(page)), size);
  }
  std::memset(to + size, 0, kPageSize - size);
  if (region.permissions.can_execute()) fence_code_everywhere();
  if (!is_present) return fill_page(region, page, std::move(frame), flush);
  const auto replaced = tables().replace_page(page, frame.address(), {region.permissions}, flush);
  QUOLL_ASSERT(replaced.has_value());
  (void)frame.leak();
  ++usage_.resident_pages;
  return FaultOutcome::kResolved;
}

}  // namespace quoll::vm
