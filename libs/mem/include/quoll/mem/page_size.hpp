// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page sizes. The smallest is the granule: all ranges that are mapped are multiples of it.
#pragma once

#include <cstdint>

#include <quoll/base/bits.hpp>

namespace quoll::mem {

inline constexpr unsigned kPageShift = 12;
/// The granule of translation, and the size of a frame.
inline constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageShift;

/// A size that one leaf of a page table may map; the value is its shift.
enum class PageSize : std::uint8_t {
  k4KiB = 12,
  k2MiB = 21,
  k1GiB = 30,
  k512GiB = 39,
  k256TiB = 48,
};

constexpr std::uint64_t bytes(PageSize size) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(size);
}

/// How many granules cover `size` bytes. Never overflows.
constexpr std::uint64_t pages_for(std::uint64_t size) noexcept {
  return base::div_ceil(size, kPageSize);
}

}  // namespace quoll::mem
