// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Gaps between regions.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/kernel/mem/region.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

/// What has to fit somewhere.
struct Wanted {
  std::uint64_t size;            ///< whole pages, at least one
  std::uint8_t alignment_shift;  ///< of whole pages too

  constexpr std::uint64_t alignment() const noexcept { return std::uint64_t{1} << alignment_shift; }
};

/// Where something that fits into a gap can start: at `first`, and at `count - 1` aligned addresses
/// behind it.
struct Places {
  mem::VirtualAddress first;
  std::uint64_t count = 0;
};

/// The places between two addresses, if all there is free; none when it does not fit.
constexpr Places places_between(mem::VirtualAddress from, mem::VirtualAddress to,
                                Wanted wanted) noexcept {
  const std::uint64_t rest = wanted.alignment() - 1;
  const mem::VirtualAddress first((from.value() + rest) & ~rest);
  if (first < from || first > to || to - first < wanted.size) return {};
  return {first, ((to - first - wanted.size) >> wanted.alignment_shift) + 1};
}

/// Those of the lowest gap in `bounds` where it fits. It costs the tree's height; where nothing
/// fits that would fit at any alignment, all gaps are looked at.
[[gnu::noinline]] std::optional<Places> find_gap(const RegionTree& tree, mem::VirtualRange bounds,
                                                 Wanted wanted) noexcept;

}  // namespace quoll::vm
