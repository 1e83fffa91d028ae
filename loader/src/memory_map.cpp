// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "memory_map.hpp"

#include <algorithm>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

using handoff::MemoryRegion;
using handoff::PhysicalExtent;
using handoff::RegionKind;

// Who keeps a page that two of them want. Firmware's reservation covers the device tree and the
// initrd at times (U-Boot reserves both), so these win against it; nothing wins against `no-map`.
unsigned rank(RegionKind kind) noexcept {
  switch (kind) {
    case RegionKind::kFree:
      return 0;
    case RegionKind::kReserved:
      return 1;
    case RegionKind::kInitrd:
      return 2;
    case RegionKind::kDeviceTree:
      return 3;
    case RegionKind::kNoMap:
      return 5;
    default:
      return 4;
  }
}

PhysicalExtent widened_to_pages(PhysicalExtent extent) noexcept {
  const auto end = base::checked_align_up(extent.end, mem::kPageSize);
  return {base::align_down(extent.start, mem::kPageSize), end ? *end : ~std::uint64_t{0}};
}

PhysicalExtent intersection(PhysicalExtent a, PhysicalExtent b) noexcept {
  const std::uint64_t start = std::max(a.start, b.start);
  return {start, std::max(start, std::min(a.end, b.end))};
}

}  // namespace

base::Result<void, MemoryMapError> MemoryMap::insert(std::size_t index,
                                                     MemoryRegion region) noexcept {
  if (count_ == kCapacity) return base::err(MemoryMapError::kTooManyRegions);
  std::move_backward(regions_.begin() + static_cast<std::ptrdiff_t>(index),
                     regions_.begin() + static_cast<std::ptrdiff_t>(count_),
                     regions_.begin() + static_cast<std::ptrdiff_t>(count_ + 1));
  regions_[index] = region;
  ++count_;
  return {};
}

void MemoryMap::remove(std::size_t index) noexcept {
  std::move(regions_.begin() + static_cast<std::ptrdiff_t>(index + 1),
            regions_.begin() + static_cast<std::ptrdiff_t>(count_),
            regions_.begin() + static_cast<std::ptrdiff_t>(index));
  --count_;
}

// Joins neighbours of one kind, for regions `first` to `last` and those beside them.
void MemoryMap::merge_around(std::size_t first, std::size_t last) noexcept {
  std::size_t at = std::min(last + 1, count_ - 1);
  const std::size_t stop = first == 0 ? 0 : first - 1;
  for (; at > stop; --at) {
    if (regions_[at - 1].range.end == regions_[at].range.start &&
        regions_[at - 1].kind == regions_[at].kind) {
      regions_[at - 1].range.end = regions_[at].range.end;
      remove(at);
    }
  }
}

base::Result<void, MemoryMapError> MemoryMap::add_ram(PhysicalExtent extent) noexcept {
  // What lies between the regions that exist, piece by piece.
  std::size_t index = 0;
  while (!extent.is_empty()) {
    while (index < count_ && regions_[index].range.end <= extent.start) ++index;
    const std::uint64_t gap_end =
        index < count_ ? std::min(regions_[index].range.start, extent.end) : extent.end;
    if (extent.start < gap_end) {
      TRY(insert(index, {{extent.start, gap_end}, RegionKind::kFree}));
      merge_around(index, index);
      extent.start = gap_end;
      index = 0;
    } else {
      extent.start = std::min(regions_[index].range.end, extent.end);
    }
  }
  return {};
}

// Gives the part of region `index` a kind; `index` is then the region behind the part.
base::Result<void, MemoryMapError> MemoryMap::set_kind(std::size_t& index, PhysicalExtent part,
                                                       RegionKind kind) noexcept {
  const MemoryRegion whole = regions_[index];
  if (whole.kind == kind) {
    ++index;
    return {};
  }
  // Both pieces, or none: a map that is full stays as it was.
  const std::size_t pieces =
      (whole.range.start < part.start ? 1U : 0U) + (part.end < whole.range.end ? 1U : 0U);
  if (count_ + pieces > kCapacity) return base::err(MemoryMapError::kTooManyRegions);
  if (part.end < whole.range.end) {
    TRY(insert(index + 1, {{part.end, whole.range.end}, whole.kind}));
  }
  if (whole.range.start < part.start) {
    regions_[index].range.end = part.start;
    TRY(insert(++index, {part, kind}));
  } else {
    regions_[index] = {part, kind};
  }
  ++index;
  return {};
}

base::Result<void, MemoryMapError> MemoryMap::claim(PhysicalExtent extent,
                                                    RegionKind kind) noexcept {
  if (extent.end <= extent.start || count_ == 0) return {};
  const PhysicalExtent wanted = widened_to_pages(extent);
  std::size_t index = 0;
  while (index < count_ && regions_[index].range.end <= wanted.start) ++index;
  const std::size_t first = index;
  while (index < count_ && regions_[index].range.start < wanted.end) {
    if (rank(regions_[index].kind) > rank(kind)) {
      ++index;
      continue;
    }
    TRY(set_kind(index, intersection(regions_[index].range, wanted), kind));
  }
  merge_around(first, index);
  return {};
}

base::Result<void, MemoryMapError> MemoryMap::reserve_partial_pages() noexcept {
  std::size_t index = 0;
  while (index < count_) {
    const MemoryRegion region = regions_[index];
    const auto inner = base::checked_align_up(region.range.start, mem::kPageSize);
    const std::uint64_t head = std::min(inner.value_or(region.range.end), region.range.end);
    const std::uint64_t tail = std::max(base::align_down(region.range.end, mem::kPageSize), head);
    const bool is_whole = head == region.range.start && tail == region.range.end;
    if (region.kind != RegionKind::kFree || is_whole) {
      ++index;
      continue;
    }
    TRY(claim({region.range.start, head}, RegionKind::kReserved));
    TRY(claim({tail, region.range.end}, RegionKind::kReserved));
    // The pieces may have merged with what is before them: indices have moved.
    index = 0;
  }
  return {};
}

std::optional<std::uint64_t> MemoryMap::allocate(std::uint64_t size, std::uint64_t alignment,
                                                 RegionKind kind, PhysicalExtent within) noexcept {
  QUOLL_ASSERT(size != 0 && size % mem::kPageSize == 0 && alignment % mem::kPageSize == 0);
  for (std::size_t index = count_; index-- > 0;) {
    if (regions_[index].kind != RegionKind::kFree) continue;
    const PhysicalExtent range = intersection(regions_[index].range, within);
    if (range.size() < size) continue;
    const std::uint64_t start = base::align_down(range.end - size, alignment);
    if (start < range.start || start % mem::kPageSize != 0) continue;
    if (!claim({start, start + size}, kind)) return std::nullopt;
    return start;
  }
  return std::nullopt;
}

bool MemoryMap::is_ram(PhysicalExtent extent) const noexcept {
  for (const MemoryRegion& region : regions()) {
    if (region.range.contains(extent.start)) {
      if (extent.end <= region.range.end) return true;
      extent.start = region.range.end;
    }
  }
  return extent.is_empty();
}

bool MemoryMap::touches(PhysicalExtent extent, RegionKind kind) const noexcept {
  for (const MemoryRegion& region : regions()) {
    if (region.kind == kind && region.range.overlaps(extent)) return true;
  }
  return false;
}

}  // namespace quoll::loader
