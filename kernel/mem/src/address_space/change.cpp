// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: what regions allow, and whether there is memory behind them.
#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>

#include "late_flusher.hpp"

namespace quoll::vm {

base::Result<void, SpaceError> AddressSpace::commit(mem::VirtualRange range,
                                                    mem::Permissions permissions) {
  if (permissions.is_none()) return base::err(SpaceError::kDenied);
  return change(range, permissions, Span::kOneMapping);
}

base::Result<void, SpaceError> AddressSpace::protect(mem::VirtualRange range,
                                                     mem::Permissions permissions) {
  return change(range, permissions, Span::kAnyMappings);
}

/// All of a mapping, of which nothing may be missing.
base::Result<void, SpaceError> AddressSpace::protect_own(const Mapping& mapping,
                                                         mem::Permissions permissions) {
  return change(mapping.range, permissions, Span::kOneMapping, mapping.number);
}

/// How many pages the change is to be charged with.
base::Result<std::uint64_t, SpaceError> AddressSpace::check_change(mem::VirtualRange range,
                                                                   const Selection& regions,
                                                                   mem::Permissions wanted) const {
  std::uint64_t charge = 0;
  for (const Region* region = regions.first;; region = RegionTree::next(*region)) {
    if (region->backing == Backing::kReserved && !wanted.is_none()) {
      charge += region->range.intersection(range).page_count();
    }
    if (region->backing == Backing::kGuard) return base::err(SpaceError::kDenied);
    if (region->backing == Backing::kShared &&
        !region->vmo->most().for_kernel().includes(wanted.for_kernel())) {
      return base::err(SpaceError::kDenied);
    }
    if (region == regions.last) break;
  }
  if (charge > limits_.committed_pages - usage_.committed_pages) {
    return base::err(SpaceError::kLimit);
  }
  return charge;
}

/// Gives one region its new permissions, and the pages that are there.
void AddressSpace::allow(Region& region, mem::Permissions wanted, LateFlusher& flusher) {
  region.permissions = wanted;
  if (region.backing == Backing::kReserved) {
    if (!wanted.is_none()) region.backing = Backing::kAnonymous;
    return;  // no page of it is there
  }
  if (!region.touched) return;
  const PagesGuard pages(region.vmo.get());
  const auto permitted = [&](mem::VirtualAddress page, const paging::Leaf& leaf) {
    paging::Properties properties = leaf.properties;
    properties.permissions = region.may_write(page, leaf.address) ? wanted : wanted.without_write();
    return properties;
  };
  const std::uint64_t size = region.range.size();
  const auto changed = tables()
                           .cursor_mut(region.range.start(), size)
                           ->protect(size, flusher.get().changes(), permitted);
  QUOLL_ASSERT(changed.has_value());
}

/// `mapping` is the number of the only one that is to be changed, if there is such.
base::Result<void, SpaceError> AddressSpace::change(mem::VirtualRange range,
                                                    mem::Permissions permissions, Span span,
                                                    std::uint64_t mapping) {
  const mem::Permissions wanted = permissions.for_user();
  {
    LateFlusher flusher(*space_);
    sync::LockGuard guard(lock_);
    Selection regions = TRY(select(range, span));
    if (mapping != kAnyMapping && regions.first->mapping != mapping) {
      return base::err(SpaceError::kNotMapped);
    }
    const std::uint64_t charge = TRY(check_change(range, regions, wanted));
    TRY(reserve_cuts(range, regions));

    regions = isolate(range, regions);
    for (Region* region = regions.first;; region = RegionTree::next(*region)) {
      allow(*region, wanted, flusher);
      if (region == regions.last) break;
    }
    usage_.committed_pages += charge;
    flusher.dispatch();
    merge_around(regions);
  }
  if (wanted.can_execute()) fence_code_everywhere();
  return {};
}

base::Result<void, SpaceError> AddressSpace::decommit(mem::VirtualRange range) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  Selection regions = TRY(select(range, Span::kOneMapping));
  for (const Region* region = regions.first;; region = RegionTree::next(*region)) {
    if (region->vmo || region->backing == Backing::kGuard) return base::err(SpaceError::kDenied);
    if (region == regions.last) break;
  }
  TRY(reserve_cuts(range, regions));
  regions = isolate(range, regions);
  for (Region* region = regions.first;; region = RegionTree::next(*region)) {
    take_pages(*region, flusher);
    if (region->is_charged()) usage_.committed_pages -= region->range.page_count();
    region->backing = Backing::kReserved;
    region->permissions = mem::Permissions::none().for_user();
    if (region == regions.last) break;
  }
  flusher.dispatch();
  merge_around(regions);
  return {};
}

base::Result<void, SpaceError> AddressSpace::guard(mem::VirtualRange range) {
  sync::LockGuard guard(lock_);
  Selection regions = TRY(select(range, Span::kOneMapping));
  for (const Region* region = regions.first;; region = RegionTree::next(*region)) {
    if (region->backing != Backing::kReserved) return base::err(SpaceError::kDenied);
    if (region == regions.last) break;
  }
  TRY(reserve_cuts(range, regions));
  regions = isolate(range, regions);
  for (Region* region = regions.first;; region = RegionTree::next(*region)) {
    region->backing = Backing::kGuard;
    if (region == regions.last) break;
  }
  merge_around(regions);
  return {};
}

}  // namespace quoll::vm
