// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Maps all of RAM at a constant distance.
#pragma once

#include <quoll/base/result.hpp>
#include <quoll/handoff/boot_info.hpp>

#include "mapping.hpp"
#include "memory_map.hpp"

namespace quoll::loader {

enum class PhysmapError : std::uint8_t { kOutOfMemory, kTooManyRegions };

/// Withdraws RAM that `physmap` does not reach: it becomes `kNoMap`. Returns how much that is.
base::Result<std::uint64_t, PhysmapError> withdraw_unreachable_ram(
    const handoff::PhysmapInfo& physmap, MemoryMap& map) noexcept;

/// Maps every whole page of RAM in the map but `kNoMap`: read-write, and `kKernelElf` read-only,
/// since its pages are executable where the kernel runs.
base::Result<void, PhysmapError> map_all_ram(const handoff::PhysmapInfo& physmap,
                                             const MemoryMap& map,
                                             PageTableBuilder& tables) noexcept;

}  // namespace quoll::loader
