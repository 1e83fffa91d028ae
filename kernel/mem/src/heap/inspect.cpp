// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The heap as a whole: what a pointer points to, trimming, counting.
#include <bit>
#include <utility>

#include <quoll/kernel/mem/heap.hpp>
#include <quoll/mem/page_size.hpp>

#include "report.hpp"

namespace quoll::vm {
namespace {

constexpr auto kRelax = [] { arch::Interrupts::relax(); };

}  // namespace

// What a pointer points to.

FrameInfo* Heap::find(const void* memory) const noexcept {
  const mem::PhysicalAddress physical = frames_.phys_map().physical(memory);
  if (!frames_.phys_map().physical_range().contains(physical)) return nullptr;
  return frames_.find(FrameAllocator::number(physical));
}

void Heap::poison(const void* memory, std::size_t class_index) const noexcept {
  const FrameInfo* const info = find(memory);
  const bool is_small = info != nullptr && info->current_state() == FrameState::kSlab;
  const std::uint64_t object = mem::address_of(memory).value();
  if (class_index != kUnknownClass && (!is_small || info->payload != class_index)) {
    report_broken_object(object, "not an object of that size");
  }
  // What is no object is not written to; it is reported where that is found.
  if (is_small && object % mem::kPageSize < SlabRecord::of(*info).carved &&
      SizeClasses::is_first_byte(static_cast<std::uint32_t>(object % mem::kPageSize),
                                 SizeClasses::reciprocal(info->payload))) {
    Poison::fill(object, SizeClasses::kSizes[info->payload]);
  }
}

void Heap::check_poison(std::uint64_t object, std::size_t class_index) noexcept {
  if (!Poison::is_whole(object, SizeClasses::kSizes[class_index])) {
    report_broken_object(object, "written to after it was freed");
  }
}

bool Heap::is_free(SizeClass& size_class, const FrameInfo& slab, std::uint64_t object) noexcept {
  const std::size_t class_index = index_of(size_class);
  const std::uint32_t size = SizeClasses::kSizes[class_index];
  const std::uint64_t page = object / mem::kPageSize * mem::kPageSize;
  const SlabRecord record = SlabRecord::of(slab);
  // As many steps as there can be, whatever the lists have become.
  std::uint64_t index = record.first_free;
  for (std::uint32_t step = 0; step * size < record.carved && index * size < record.carved;
       ++step) {
    const std::uint64_t free = page + index * size;
    if (free == object) return true;
    index = FreeObject(free).link() & SlabRecord::kNoObject;
  }
  bool found = false;
  size_class.caches.for_each([&](unsigned hart) {
    HeapCache& cache = caches_[hart].of_class[class_index];
    const HeapCache::Word all = cache.claim(kRelax);
    HeapCache::Word list = all;
    while (!found && !cache.is_empty(list)) {
      const FreeObject free(HeapCache::first(list));
      found = HeapCache::first(list) == object;
      if (!free.is_sealed()) break;
      list = free.link();
    }
    cache.give_back(all);
  });
  return found;
}

// Trimming.

void Heap::trim() noexcept {
  for (SizeClass& size_class : classes_) {
    sync::HartSet harts;
    {
      sync::LockGuard guard(size_class.lock);
      harts = size_class.caches;
    }
    harts.for_each([&](unsigned hart) {
      HeapCache& cache = caches_[hart].of_class[index_of(size_class)];
      // What it can hold at most: its hart may go on filling it. Interrupts go on between a few.
      const std::size_t most = HeapCache::capacity(index_of(size_class));
      bool is_empty = false;
      for (std::size_t done = 0; !is_empty && done < most; done += kTrim) {
        sync::LockGuard guard(size_class.lock);
        const HeapCache::Word list = drain(size_class, cache, cache.claim(kRelax), kTrim);
        is_empty = cache.is_empty(list);
        cache.give_back(list);
      }
    });
    const auto next_surplus = [&] {
      sync::LockGuard guard(size_class.lock);
      return take_surplus(size_class, 0);
    };
    for (FrameNumber slab = next_surplus(); slab != kNoFrame; slab = next_surplus()) release(slab);
  }
}

// Counting.

std::uint64_t Heap::cached(SizeClass& size_class) noexcept {
  const std::size_t class_index = index_of(size_class);
  std::uint64_t count = 0;
  size_class.caches.for_each([&](unsigned hart) {
    HeapCache& cache = caches_[hart].of_class[class_index];
    const HeapCache::Word list = cache.claim(kRelax);
    count += HeapCache::capacity(class_index) - HeapCache::room(list);
    cache.give_back(list);
  });
  return count;
}

HeapStatistics Heap::statistics() noexcept {
  HeapStatistics out;
  for (SizeClass& size_class : classes_) {
    sync::LockGuard guard(size_class.lock);
    const std::uint64_t in_caches = cached(size_class);
    const std::uint64_t in_use = size_class.out - in_caches;
    out.objects += in_use;
    out.used_bytes += in_use * SizeClasses::kSizes[index_of(size_class)];
    out.cached_objects += in_caches;
    out.frames += size_class.slabs;
    out.empty_frames += size_class.empty_count;
  }
  const std::uint64_t large = large_frames_.load(std::memory_order_relaxed);
  out.objects += large_objects_.load(std::memory_order_relaxed);
  out.used_bytes += large * mem::kPageSize;
  out.frames += large;
  return out;
}

}  // namespace quoll::vm
