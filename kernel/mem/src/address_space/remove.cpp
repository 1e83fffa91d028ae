// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: mappings end, or parts of them.
#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>

#include "late_flusher.hpp"

namespace quoll::vm {

/// Unmaps all pages of a region and collects the frames that belong to the space.
void AddressSpace::take_touched_pages(Region& region, LateFlusher& flusher) {
  TlbFlusher& pages = flusher.get();
  const PagesGuard guard(region.vmo.get());
  const auto removed = [&](mem::VirtualAddress page, const paging::Leaf& leaf, std::uint64_t)
                           QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the caller's guard
                             if (!region.owns_frame(page, leaf.address)) return;
                             pages.hold(Frame::adopt(kernel_.frames(), leaf.address));
                             --usage_.resident_pages;
                           };
  QUOLL_ASSERT(tables().unmap(region.range, pages.changes(), removed).has_value());
  region.touched = false;
  if (recent_ == &region) recent_ = nullptr;  // who is recent is touched
}

/// *Requires*: no hart can reach a page of it.
void AddressSpace::remove(Region& region) {
  count(region, false);
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

/// The last region of the mapping that begins with this one, as far as there is no gap.
Region* AddressSpace::last_piece(Region& first) const noexcept {
  Region* last = &first;
  for (;;) {
    Region* const next = RegionTree::next(*last);
    if (next == nullptr || next->mapping != first.mapping ||
        next->range.start() != last->range.end()) {
      return last;
    }
    last = next;
  }
}

base::Result<void, SpaceError> AddressSpace::release(mem::VirtualAddress start) {
  {
    sync::LockGuard guard(lock_);
    Region* const region = regions_.find(start);
    if (region == nullptr || region->origin != start) return base::err(SpaceError::kNotMapped);
    // In one piece and never touched: there is nothing to be told to anybody.
    if (!region->touched && last_piece(*region) == region) [[likely]] {
      remove(*region);
      return {};
    }
  }
  return release_pieces(start);
}

base::Result<void, SpaceError> AddressSpace::release_pieces(mem::VirtualAddress start) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  Region* const first = regions_.find(start);
  if (first == nullptr || first->origin != start) return base::err(SpaceError::kNotMapped);
  remove_all({first, last_piece(*first)}, flusher);
  return {};
}

/// Takes away what is left of a mapping, whatever is mapped between its pieces by now.
void AddressSpace::end_own(const Mapping& mapping) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  Region* region = region_of(mapping.range.start());
  if (region == nullptr) region = regions_.around(mapping.range.start()).above;
  while (region != nullptr && region->range.start() < mapping.range.end()) {
    Region* const last = last_piece(*region);
    Region* const next = RegionTree::next(*last);
    if (region->mapping == mapping.number) remove_all({region, last}, flusher);
    region = next;
  }
}

}  // namespace quoll::vm
