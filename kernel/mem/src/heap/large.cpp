// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Requests that are not plainly small, and objects in runs of frames.
#include <algorithm>
#include <bit>

#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/heap.hpp>
#include <quoll/mem/page_size.hpp>

#include "report.hpp"

namespace quoll::vm {

using mem::kPageSize;

void* Heap::allocate_unusual(std::size_t size, std::size_t alignment) noexcept {
  if (!std::has_single_bit(alignment)) return nullptr;
  size = std::max<std::size_t>(size, 1);
  if (size > kMaxSmall || alignment > kMaxSmall) return allocate_large(size, alignment);
  // A class that aligns that much, by a size that is its own.
  return allocate(SizeClasses::kSizes[SizeClasses::of(size, alignment)]);
}

void* Heap::allocate_large(std::size_t size, std::size_t alignment) noexcept {
  const std::uint64_t count = mem::pages_for(size);
  auto run = frames_.allocate_run(count, std::max<std::uint64_t>(alignment / kPageSize, 1));
  if (!run) return nullptr;
  void* memory = run->data();
  // The record owns the run from here on.
  FrameInfo& info = frames_.info(run->leak());
  info.next = static_cast<FrameNumber>(count);
  info.set_state(FrameState::kHeapRun);
  large_objects_.fetch_add(1, std::memory_order_relaxed);
  large_frames_.fetch_add(count, std::memory_order_relaxed);
  return memory;
}

void Heap::deallocate_unusual(void* memory) noexcept {
  if (memory == nullptr) return;
  FrameInfo* const info = find(memory);
  if (info == nullptr) [[unlikely]]
    report_broken_object(mem::address_of(memory).value(), kNotAnObject);
  if (info->current_state() == FrameState::kSlab) {
    deallocate_small(*info, memory);
    return;
  }
  const mem::PhysicalAddress physical = frames_.phys_map().physical(memory);
  if (info->current_state() != FrameState::kHeapRun ||
      !base::is_aligned(physical.value(), kPageSize)) [[unlikely]] {
    report_broken_object(mem::address_of(memory).value(), kNotAnObject);
  }
  deallocate_large(FrameAllocator::number(physical), *info);
}

void Heap::deallocate_large(FrameNumber first, FrameInfo& run) noexcept {
  const std::uint64_t count = run.next;
  run.set_state(FrameState::kAllocated);
  large_objects_.fetch_sub(1, std::memory_order_relaxed);
  large_frames_.fetch_sub(count, std::memory_order_relaxed);
  frames_.give_run(first, count);
}

std::size_t Heap::usable_size(const void* memory) const noexcept {
  const FrameInfo* const info = find(memory);
  if (info == nullptr) return 0;
  switch (info->current_state()) {
    case FrameState::kSlab:
      return SizeClasses::kSizes[info->payload];
    case FrameState::kHeapRun:
      return info->next * kPageSize;
    default:
      return 0;
  }
}

}  // namespace quoll::vm
