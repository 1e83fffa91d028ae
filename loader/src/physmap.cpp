// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "physmap.hpp"

#include <algorithm>
#include <array>

#include <quoll/base/bits.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

using handoff::MemoryRegion;
using handoff::RegionKind;

// A run of RAM that is mapped alike.
struct Run {
  handoff::PhysicalExtent range;
  mem::Permissions permissions;
};

struct Runs {
  std::array<Run, MemoryMap::kCapacity> items{};
  std::size_t count = 0;
};

// The runs are collected before the first page table is: page tables are allocated from the map.
Runs collect_runs(const MemoryMap& map) noexcept {
  Runs runs;
  for (const MemoryRegion& region : map.regions()) {
    if (region.kind == RegionKind::kNoMap) continue;
    const auto permissions = region.kind == RegionKind::kKernelElf ? mem::Permissions::read_only()
                                                                   : mem::Permissions::read_write();
    if (runs.count > 0) {
      Run& last = runs.items[runs.count - 1];
      if (last.range.end == region.range.start && last.permissions == permissions) {
        last.range.end = region.range.end;
        continue;
      }
    }
    runs.items[runs.count++] = {region.range, permissions};
  }
  return runs;
}

}  // namespace

base::Result<std::uint64_t, PhysmapError> withdraw_unreachable_ram(
    const handoff::PhysmapInfo& physmap, MemoryMap& map) noexcept {
  const std::uint64_t ram_end = map.regions().back().range.end;
  const std::uint64_t reach = physmap.physical_start + physmap.size;
  if (ram_end <= reach) return 0;
  if (!map.claim({reach, ram_end}, RegionKind::kNoMap)) {
    return base::err(PhysmapError::kTooManyRegions);
  }
  return ram_end - reach;
}

base::Result<void, PhysmapError> map_all_ram(const handoff::PhysmapInfo& physmap,
                                             const MemoryMap& map,
                                             PageTableBuilder& tables) noexcept {
  const Runs runs = collect_runs(map);
  for (std::size_t i = 0; i < runs.count; ++i) {
    const Run& run = runs.items[i];
    const std::uint64_t start =
        base::checked_align_up(run.range.start, mem::kPageSize).value_or(run.range.end);
    const std::uint64_t end = base::align_down(run.range.end, mem::kPageSize);
    if (start >= end) continue;
    const auto mapped =
        tables.map(physmap.to_virtual(start), start, end - start, kernel_memory(run.permissions));
    if (!mapped) return base::err(PhysmapError::kOutOfMemory);
  }
  return {};
}

}  // namespace quoll::loader
