// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Taking over the machine's memory.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/handoff/memory_region.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/mem/phys_map.hpp>
#include <quoll/riscv/sv.hpp>
#include <quoll/sync/once.hpp>

namespace quoll::vm {

constinit FrameAllocator detail::frame_allocator;
constinit Heap detail::kernel_heap(detail::frame_allocator);

namespace {

constinit sync::OnceCell<KernelSpace> the_kernel_space;

using detail::frame_allocator;

/// More than a BootInfo page can hold.
constexpr std::size_t kMaxRegions = handoff::kBootInfoPageSize / sizeof(handoff::MemoryRegion);

mem::PhysicalRange range_of(const handoff::MemoryRegion& region) {
  return mem::PhysicalRange(mem::PhysicalAddress(region.range.start), region.range.size());
}

/// The regions of one kind, in order.
struct Selected {
  std::array<mem::PhysicalRange, kMaxRegions> ranges;
  std::size_t count = 0;

  Selected(const handoff::BootInfo& info, handoff::RegionKind kind) {
    for (const handoff::MemoryRegion& region : info.regions()) {
      if (region.kind == kind && count < kMaxRegions) ranges[count++] = range_of(region);
    }
  }
  std::span<const mem::PhysicalRange> span() const { return {ranges.data(), count}; }
};

arch::Mmu::Format format_of(std::uint32_t levels) {
  return arch::Mmu::Format(static_cast<riscv::PagingMode>(levels + 5));
}

}  // namespace

base::Result<void, AllocError> init(const handoff::BootInfo& info) {
  const mem::PhysMap map(
      mem::VirtualAddress(info.physmap.virtual_start),
      mem::PhysicalRange(mem::PhysicalAddress(info.physmap.physical_start), info.physmap.size));
  const Selected free(info, handoff::RegionKind::kFree);
  const Selected later(info, handoff::RegionKind::kLoader);
  BootstrapAllocator bootstrap(free.span(), map.physical_range(), later.span());
  TRY(frame_allocator.init(map, bootstrap));
  // What the kernel's own tasks need to go on, and to end guests that have taken all the rest.
  constexpr std::uint64_t kPart = 64;
  constexpr std::uint64_t kLeast = 128;
  constexpr std::uint64_t kMost = 1024;
  frame_allocator.reserve_for_kernel(
      std::clamp(frame_allocator.available_frames() / kPart, kLeast, kMost));
  the_kernel_space.emplace(format_of(info.paging_levels), mem::PhysicalAddress(info.root_table),
                           mem::VirtualRange(mem::VirtualAddress(info.kernel_window_free.start),
                                             info.kernel_window_free.size()),
                           frame_allocator);
  return {};
}

std::uint64_t release_loader_memory(const handoff::BootInfo& info) {
  QUOLL_ASSERT(info.all_harts_left_loader());
  std::uint64_t bytes = 0;
  for (const handoff::MemoryRegion& region : info.regions()) {
    if (region.kind != handoff::RegionKind::kLoader) continue;
    const mem::PhysicalRange range = range_of(region).whole_pages();
    frame_allocator.release_range(range);
    bytes += range.size();
  }
  return bytes;
}

KernelSpace& kernel_space() noexcept {
  return the_kernel_space.get();
}

MemoryStatistics statistics() noexcept {
  return {frame_allocator.statistics(), detail::kernel_heap.statistics()};
}

}  // namespace quoll::vm
