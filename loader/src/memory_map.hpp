// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The map of RAM while it is being made: sorted regions that never overlap and leave no byte out.
// It begins with the memory nodes, all of it free; then whatever is not free is claimed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/handoff/memory_region.hpp>

namespace quoll::loader {

enum class MemoryMapError : std::uint8_t { kTooManyRegions };

class MemoryMap {
 public:
  /// More than a BootInfo page holds.
  static constexpr std::size_t kCapacity = 176;

  /// Adds RAM as free. Memory that is there already stays as it is.
  base::Result<void, MemoryMapError> add_ram(handoff::PhysicalExtent extent) noexcept;

  /// Makes whatever part of `extent` is RAM `kind`, widened to whole pages, except where it is of
  /// a kind that outranks it (see `rank`).
  base::Result<void, MemoryMapError> claim(handoff::PhysicalExtent extent,
                                           handoff::RegionKind kind) noexcept;

  /// Withdraws the pages at both ends of a memory node that it covers only in part.
  base::Result<void, MemoryMapError> reserve_partial_pages() noexcept;

  /// Takes `size` free bytes, from the highest place that fits, and makes them `kind`. Nothing
  /// when no free region within `within` is large enough, or the map is full.
  ///
  /// *Requires*: `size` is a multiple of the page size, `alignment` a power of two not below it.
  std::optional<std::uint64_t> allocate(std::uint64_t size, std::uint64_t alignment,
                                        handoff::RegionKind kind,
                                        handoff::PhysicalExtent within = {
                                            0, ~std::uint64_t{0}}) noexcept;

  /// Whether every byte of `extent` is RAM.
  bool is_ram(handoff::PhysicalExtent extent) const noexcept;
  /// Whether some byte of `extent` is of that kind.
  bool touches(handoff::PhysicalExtent extent, handoff::RegionKind kind) const noexcept;

  std::span<const handoff::MemoryRegion> regions() const noexcept {
    return {regions_.data(), count_};
  }

 private:
  base::Result<void, MemoryMapError> insert(std::size_t index,
                                            handoff::MemoryRegion region) noexcept;
  void remove(std::size_t index) noexcept;
  base::Result<void, MemoryMapError> set_kind(std::size_t& index, handoff::PhysicalExtent part,
                                              handoff::RegionKind kind) noexcept;
  void merge_around(std::size_t first, std::size_t last) noexcept;

  std::array<handoff::MemoryRegion, kCapacity> regions_{};
  std::size_t count_ = 0;
};

}  // namespace quoll::loader
