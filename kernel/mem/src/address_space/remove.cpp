// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: mappings end, or parts of them.
#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>

#include "late_flusher.hpp"

namespace quoll::vm {

/// Unmaps all pages of a region and collects the frames that belong to the space.
void AddressSpace::take_pages(Region& region, LateFlusher& flusher) {
  if (!region.touched) return;
  TlbFlusher& pages = flusher.get();
  const auto removed = [&](mem::VirtualAddress, const paging::Leaf& leaf, std::uint64_t)
                           QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the caller's guard
                             if (!region.owns_frame(leaf.address)) return;
                             pages.hold(Frame::adopt(kernel_.frames(), leaf.address));
                             --usage_.resident_pages;
                           };
  QUOLL_ASSERT(tables().unmap(region.range, pages.changes(), removed).has_value());
  region.touched = false;
  if (recent_ == &region) recent_ = nullptr;  // who is recent is touched
}

/// *Requires*: no hart can reach a page of it.
void AddressSpace::remove(Region& region) {
  if (region.is_charged()) usage_.committed_pages -= region.range.page_count();
  usage_.reserved_bytes -= region.range.size();
  --usage_.regions;
  regions_.erase(region);
  records_.give(region);
}

/// Regions go after the fence: until then they keep their VMOs alive, whose pages may be cached.
void AddressSpace::remove_all(const Selection& regions, LateFlusher& flusher) {
  for (Region* region = regions.first;; region = RegionTree::next(*region)) {
    take_pages(*region, flusher);
    if (region == regions.last) break;
  }
  flusher.dispatch();
  for (Region* region = regions.first;;) {
    Region* const next = region == regions.last ? nullptr : RegionTree::next(*region);
    remove(*region);
    if (next == nullptr) break;
    region = next;
  }
}

base::Result<void, SpaceError> AddressSpace::unmap(mem::VirtualRange range) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  const Selection regions = TRY(select(range, Span::kAnyMappings));
  TRY(reserve_cuts(range, regions));
  remove_all(isolate(range, regions), flusher);
  return {};
}

base::Result<void, SpaceError> AddressSpace::release(mem::VirtualAddress start) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  Region* const first = regions_.find(start);
  if (first == nullptr || first->origin != start) return base::err(SpaceError::kNotMapped);
  Region* last = first;
  for (Region* next = RegionTree::next(*last); next != nullptr && next->mapping == first->mapping &&
                                               next->range.start() == last->range.end();
       next = RegionTree::next(*last)) {
    last = next;
  }
  remove_all({first, last}, flusher);
  return {};
}

}  // namespace quoll::vm
