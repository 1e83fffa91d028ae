// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "memory_setup.hpp"

#include <algorithm>
#include <bit>

#include <quoll/base/bits.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

using handoff::PhysicalExtent;
using handoff::RegionKind;

using Outcome = base::Result<void, MemorySetupError>;

MemorySetupError from(MemoryMapError) noexcept {
  return MemorySetupError::kTooManyRegions;
}

PhysicalExtent page_extent(PhysicalExtent extent) noexcept {
  return {base::align_down(extent.start, mem::kPageSize),
          base::checked_align_up(extent.end, mem::kPageSize).value_or(extent.end)};
}

// Things that share a page would have to share its use.
bool share_a_page(PhysicalExtent a, PhysicalExtent b) noexcept {
  return !a.is_empty() && !b.is_empty() && page_extent(a).overlaps(page_extent(b));
}

Outcome check_places(const MachineInfo& info, ImagePlace image, PhysicalExtent device_tree,
                     const MemoryMap& map) noexcept {
  if (!map.is_ram(image.whole)) return base::err(MemorySetupError::kImageOutsideRam);
  if (map.touches(image.whole, RegionKind::kNoMap)) {
    return base::err(MemorySetupError::kImageReserved);
  }
  if (share_a_page(image.whole, device_tree)) {
    return base::err(MemorySetupError::kDeviceTreeOverlap);
  }
  if (info.initrd.is_empty()) return {};
  if (!map.is_ram(info.initrd)) return base::err(MemorySetupError::kInitrdOutsideRam);
  if (map.touches(page_extent(info.initrd), RegionKind::kNoMap)) {
    return base::err(MemorySetupError::kInitrdReserved);
  }
  if (share_a_page(info.initrd, image.whole) || share_a_page(info.initrd, device_tree)) {
    return base::err(MemorySetupError::kInitrdOverlap);
  }
  return {};
}

std::optional<std::uint64_t> place(const MovableReservation& wanted, MemoryMap& map) noexcept {
  const auto size = base::checked_align_up(wanted.size, mem::kPageSize);
  const std::uint64_t alignment = std::max(wanted.alignment, mem::kPageSize);
  if (!size || !std::has_single_bit(alignment)) return std::nullopt;
  const RegionKind kind =
      wanted.mapping == Mapping::kForbidden ? RegionKind::kNoMap : RegionKind::kReserved;
  if (wanted.within_count == 0) return map.allocate(*size, alignment, kind);
  for (std::size_t i = 0; i < wanted.within_count; ++i) {
    if (const auto found = map.allocate(*size, alignment, kind, wanted.within[i])) return found;
  }
  return std::nullopt;
}

}  // namespace

Outcome set_up_memory_map(const MachineInfo& info, ImagePlace image, PhysicalExtent device_tree,
                          MemoryMap& map) noexcept {
  for (const PhysicalExtent& extent : info.memory.items()) {
    TRY(map.add_ram(extent).transform_error(from));
  }
  for (const FixedReservation& reservation : info.fixed_reservations.items()) {
    const RegionKind kind =
        reservation.mapping == Mapping::kForbidden ? RegionKind::kNoMap : RegionKind::kReserved;
    TRY(map.claim(reservation.extent, kind).transform_error(from));
  }
  TRY(check_places(info, image, device_tree, map));
  TRY(map.claim(image.whole, RegionKind::kLoader).transform_error(from));
  TRY(map.claim(image.kept, RegionKind::kKernelElf).transform_error(from));
  TRY(map.claim(info.initrd, RegionKind::kInitrd).transform_error(from));
  TRY(map.claim(device_tree, RegionKind::kDeviceTree).transform_error(from));
  TRY(map.reserve_partial_pages().transform_error(from));
  return {};
}

const MovableReservation* place_movable_reservations(const MachineInfo& info,
                                                     MemoryMap& map) noexcept {
  const MovableReservation* refused = nullptr;
  for (const MovableReservation& wanted : info.movable_reservations.items()) {
    if (!place(wanted, map) && refused == nullptr) refused = &wanted;
  }
  return refused;
}

PhysicalExtent ram_bounds(const MemoryMap& map) noexcept {
  return {map.regions().front().range.start, map.regions().back().range.end};
}

}  // namespace quoll::loader
