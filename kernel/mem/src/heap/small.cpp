// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Small objects: what happens under the lock of a class when a cache does not do.
#include <algorithm>

#include <quoll/kernel/mem/heap.hpp>
#include <quoll/mem/page_size.hpp>

#include "report.hpp"

namespace quoll::vm {
namespace {

constexpr auto kRelax = [] { arch::Interrupts::relax(); };

}  // namespace

void* Heap::allocate_small(std::size_t class_index) noexcept {
  SizeClass& size_class = classes_[class_index];
  sync::LockGuard guard(size_class.lock);
  HeapCache& cache = open_cache(size_class);
  // Not empty: somebody was at it, or its first object is not what it was.
  std::uint64_t object = take_first(cache);
  if (object == 0) object = refill(size_class, cache);
  if (object == 0) object = steal(size_class);
  if (object == 0) return nullptr;
  FreeObject(object).break_seal();
  if constexpr (Poison::kUsed) check_poison(object, class_index);
  return mem::to_pointer(mem::VirtualAddress(object));
}

void Heap::deallocate_small(FrameInfo& slab, void* memory) noexcept {
  const std::size_t class_index = slab.payload;
  const std::uint64_t object = mem::address_of(memory).value();
  const auto offset = static_cast<std::uint32_t>(object % mem::kPageSize);
  SizeClass& size_class = classes_[class_index];
  FrameNumber surplus = kNoFrame;
  {
    sync::LockGuard guard(size_class.lock);
    if (offset >= SlabRecord::of(slab).carved ||
        !SizeClasses::is_first_byte(offset, SizeClasses::reciprocal(class_index))) [[unlikely]] {
      report_broken_object(object, kNotAnObject);
    }
    if (SlabRecord::of(slab).out == 0 ||
        (FreeObject(object).is_sealed() && is_free(size_class, slab, object))) [[unlikely]] {
      report_broken_object(object, kFreedTwice);
    }
    HeapCache& cache = open_cache(size_class);
    HeapCache::Word list = cache.claim(kRelax);
    if (HeapCache::room(list) == 0) list = drain(size_class, cache, list, kDrain);
    cache.give_back(HeapCache::with(list, object));
    surplus = take_surplus(size_class, kKeptEmpty);
  }
  if (surplus != kNoFrame) release(surplus);
}

HeapCache& Heap::open_cache(SizeClass& size_class) noexcept {
  const unsigned hart = arch::Harts::id();
  const std::size_t class_index = index_of(size_class);
  HeapCaches& caches = caches_[hart];
  HeapCache& cache = caches.of_class[class_index];
  if (!size_class.caches.contains(hart)) [[unlikely]] {
    size_class.caches = size_class.caches.with(hart);
    const Arena& arena = frames_.arenas_.arenas().front();
    const mem::PhysicalAddress start = FrameAllocator::address(arena.first);
    caches.arena_start = frames_.phys_map().to_virtual(start).value();
    caches.arena_count = arena.count;
    caches.arena_records = arena.records;
    cache.open(class_index);
  }
  return cache;
}

std::uint64_t Heap::take_first(HeapCache& cache) noexcept {
  const HeapCache::Word list = cache.claim(kRelax);
  if (cache.is_empty(list)) {
    cache.give_back(list);
    return 0;
  }
  const FreeObject object(HeapCache::first(list));
  if (!object.is_sealed()) [[unlikely]]
    report_broken_object(HeapCache::first(list), kCorruptedList);
  cache.give_back(object.link());
  return HeapCache::first(list);
}

std::uint64_t Heap::steal(SizeClass& size_class) noexcept {
  std::uint64_t object = 0;
  for (sync::HartSet rest = size_class.caches; !rest.is_empty() && object == 0;) {
    const auto hart = static_cast<unsigned>(std::countr_zero(rest.bits()));
    rest = rest.without(hart);
    object = take_first(caches_[hart].of_class[index_of(size_class)]);
  }
  return object;
}

HeapCache::Word Heap::drain(SizeClass& size_class, HeapCache& cache, HeapCache::Word list,
                            unsigned most) noexcept {
  for (; most > 0 && !cache.is_empty(list); --most) {
    const std::uint64_t object = HeapCache::first(list);
    const FreeObject free(object);
    if (!free.is_sealed()) [[unlikely]]
      report_broken_object(object, kCorruptedList);
    list = free.link();
    put(size_class, object);
  }
  return list;
}

}  // namespace quoll::vm
