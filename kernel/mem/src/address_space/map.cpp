// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: new mappings.
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/mem/page_size.hpp>

#include "late_flusher.hpp"

namespace quoll::vm {

/// The start of a place for a mapping.
base::Result<mem::VirtualAddress, SpaceError> AddressSpace::place(Placement where,
                                                                  std::uint64_t size) {
  if (size == 0) return base::err(SpaceError::kEmpty);
  if (!base::is_aligned(size, mem::kPageSize) || !where.is_valid()) {
    return base::err(SpaceError::kUnaligned);
  }
  if (where.is_fixed() || (where.is_anywhere() && dice_.can_throw())) {
    return place_unusual(where, size);
  }
  const Wanted wanted{size, where.alignment_shift()};
  // Below all regions, or else between them.
  const Region* const root = regions_.root();
  const mem::VirtualAddress end = root == nullptr ? bounds_.end() : root->subtree_start;
  const Places lowest = places_between(bounds_.start(), end, wanted);
  if (lowest.count != 0) return lowest.first;
  const auto places = find_gap(regions_, bounds_, wanted);
  if (!places) return base::err(SpaceError::kNoRoom);
  return places->first;
}

/// The record of a mapping that nothing stands against, of which nobody knows yet: `add` makes it
/// one of the space's, or else it is given back.
base::Result<Region*, SpaceError> AddressSpace::prepare(Placement where, std::uint64_t size,
                                                        Backing backing,
                                                        mem::Permissions permissions) {
  const mem::VirtualAddress start = TRY(place(where, size));
  const std::uint64_t charge = Region::is_charged(backing) ? mem::pages_for(size) : 0;
  if (charge > limits_.committed_pages - usage_.committed_pages ||
      size > limits_.reserved_bytes - usage_.reserved_bytes || usage_.regions >= limits_.regions) {
    return base::err(SpaceError::kLimit);
  }
  TRY(fetch_records(1));
  Region& region = records_.take();
  region.range = mem::VirtualRange(start, size);
  region.permissions = permissions.for_user();
  region.backing = backing;
  region.touched = false;
  region.next_in_run = mem::VirtualAddress(0);
  region.mapping = next_mapping_++;
  region.origin = start;
  return &region;
}

mem::VirtualRange AddressSpace::add(Region& region) {
  const mem::VirtualRange range = region.range;
  count(region, true);
  regions_.insert(region);
  return range;
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_anonymous(
    Placement where, std::uint64_t size, mem::Permissions permissions) {
  sync::LockGuard guard(lock_);
  const Backing backing = permissions.is_none() ? Backing::kReserved : Backing::kAnonymous;
  return add(*TRY(prepare(where, size, backing, permissions)));
}

base::Result<void, SpaceError> AddressSpace::check_vmo(const Vmo& vmo, std::uint64_t offset,
                                                       std::uint64_t size) const noexcept {
  if (!base::is_aligned(offset, mem::kPageSize)) return base::err(SpaceError::kUnaligned);
  if (!base::fits_within(offset, size, vmo.size())) return base::err(SpaceError::kOutsideVmo);
  if (vmo.kind() == VmoKind::kPhysical) {
    const std::uint64_t limit = kernel_.format().physical_limit().value();
    if (!base::fits_within(vmo.range().start().value(), vmo.size(), limit)) {
      return base::err(SpaceError::kOutOfRange);
    }
  }
  return {};
}

/// Tells a paged VMO of its mapping. On refusal the record has been given back.
base::Result<void, SpaceError> AddressSpace::attach(Region& region) {
  auto attachment = region.paged()->attach(*space_, region.range, region.vmo_offset);
  if (!attachment) {
    records_.give(region);
    return base::err(attachment.error());
  }
  region.attachment = std::move(*attachment);
  return {};
}

/// A shared mapping, whatever of it is present at once included.
base::Result<Region*, SpaceError> AddressSpace::add_shared(Placement where, VmoRef vmo,
                                                           std::uint64_t offset, std::uint64_t size,
                                                           mem::Permissions permissions,
                                                           LateFlusher& flusher) {
  if (!vmo->most().for_kernel().includes(permissions.for_kernel())) {
    return base::err(SpaceError::kDenied);
  }
  TRY(check_vmo(*vmo, offset, size));
  Region& region = *TRY(prepare(where, size, Backing::kShared, permissions));
  region.vmo = std::move(vmo);
  region.vmo_offset = offset;
  if (region.paged() != nullptr) {
    TRY(attach(region));
    add(region);
    return &region;
  }
  region.touched = true;
  const mem::VirtualAddress start = region.range.start();
  const auto mapped =
      tables()
          .cursor_mut(start, size)
          ->map(region.vmo_frame(start), size, {region.permissions, region.vmo->cache_mode()},
                flusher.get().changes());
  flusher.dispatch();
  if (!mapped) {
    QUOLL_ASSERT(mapped.error() == paging::MapError::kOutOfMemory);
    records_.give(region);
    return base::err(tables().memory().is_exhausted() ? SpaceError::kLimit
                                                      : SpaceError::kOutOfMemory);
  }
  add(region);
  return &region;
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_shared(Placement where, VmoRef vmo,
                                                                     std::uint64_t offset,
                                                                     std::uint64_t size,
                                                                     mem::Permissions permissions) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  return TRY(add_shared(where, std::move(vmo), offset, size, permissions, flusher))->range;
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_private(
    Placement where, VmoRef vmo, std::uint64_t offset, std::uint64_t size,
    mem::Permissions permissions) {
  // What is read there can change by itself, or change something: it has no copy.
  if (vmo->kind() == VmoKind::kPhysical) return base::err(SpaceError::kWrongKind);
  TRY(check_vmo(*vmo, offset, size));
  sync::LockGuard guard(lock_);
  Region& region = *TRY(prepare(where, size, Backing::kPrivate, permissions));
  region.vmo = std::move(vmo);
  region.vmo_offset = offset;
  if (region.paged() != nullptr) TRY(attach(region));
  return add(region);
}

// For handles of one mapping.

base::Result<AddressSpace::Mapping, SpaceError> AddressSpace::own_anonymous(
    Placement where, std::uint64_t size, mem::Permissions permissions) {
  sync::LockGuard guard(lock_);
  Region& region = *TRY(prepare(where, size, Backing::kAnonymous, permissions));
  return Mapping{add(region), region.mapping};
}

base::Result<AddressSpace::Mapping, SpaceError> AddressSpace::own_shared(
    Placement where, VmoRef vmo, std::uint64_t size, mem::Permissions permissions) {
  LateFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  const Region& region = *TRY(add_shared(where, std::move(vmo), 0, size, permissions, flusher));
  return Mapping{region.range, region.mapping};
}

}  // namespace quoll::vm
