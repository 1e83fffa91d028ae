// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Half-open address ranges as they stand in shared structures: plain 64-bit integers, so that
// loader, kernel and host agree on the layout. The two kinds do not convert into each other.
#pragma once

#include <cstdint>
#include <type_traits>

namespace quoll::handoff {

/// `[start, end)`; empty when both are equal.
template <typename Tag>
struct Extent {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  constexpr std::uint64_t size() const noexcept { return end - start; }
  constexpr bool is_empty() const noexcept { return start == end; }
  constexpr bool contains(std::uint64_t address) const noexcept {
    return start <= address && address < end;
  }
  constexpr bool contains(const Extent& other) const noexcept {
    return start <= other.start && other.end <= end;
  }
  constexpr bool overlaps(const Extent& other) const noexcept {
    return start < other.end && other.start < end;
  }
  constexpr bool operator==(const Extent&) const = default;
};

/// A range of physical addresses.
using PhysicalExtent = Extent<struct PhysicalExtentTag>;
/// A range of virtual addresses.
using VirtualExtent = Extent<struct VirtualExtentTag>;

static_assert(sizeof(PhysicalExtent) == 16 && std::is_trivially_copyable_v<PhysicalExtent>);

}  // namespace quoll::handoff
