// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The heap's slabs: where new ones come from, what goes back to them, when they go. All of it
// under the lock of the class.
#include <utility>

#include <quoll/kernel/mem/heap.hpp>
#include <quoll/mem/page_size.hpp>

#include "report.hpp"

namespace quoll::vm {

using mem::kPageSize;

FrameNumber Heap::new_slab(SizeClass& size_class) noexcept {
  FrameNumber slab = take_empty(size_class);
  if (slab == kNoFrame) {
    slab = frames_.take_frame();
    if (slab == kNoFrame) return kNoFrame;
    if constexpr (Poison::kUsed) {
      Poison::fill_slab(frames_.phys_map().to_virtual(FrameAllocator::address(slab)).value());
    }
    FrameInfo& fresh = frames_.info(slab);
    fresh.payload = static_cast<std::uint16_t>(index_of(size_class));
    SlabRecord{.first_free = SlabRecord::kNoObject, .out = 0, .unused = 0, .carved = 0}.store(
        fresh);
    fresh.set_state(FrameState::kSlab);
    ++size_class.slabs;
  }
  link(size_class, slab);
  return slab;
}

void Heap::add_empty(SizeClass& size_class, FrameNumber slab) noexcept {
  frames_.info(slab).next = std::exchange(size_class.empty, slab);
  ++size_class.empty_count;
}

FrameNumber Heap::take_empty(SizeClass& size_class) noexcept {
  const FrameNumber slab = size_class.empty;
  if (slab == kNoFrame) return kNoFrame;
  size_class.empty = frames_.info(slab).next;
  --size_class.empty_count;
  return slab;
}

FrameNumber Heap::take_surplus(SizeClass& size_class, std::uint64_t keep) noexcept {
  if (size_class.empty_count <= keep) return kNoFrame;
  --size_class.slabs;
  return take_empty(size_class);
}

void Heap::release(FrameNumber slab) noexcept {
  frames_.info(slab).set_ownership(FrameInfo::kOwnedOnce);
  frames_.give_frame(slab);
}

std::uint64_t Heap::refill(SizeClass& size_class, HeapCache& cache) noexcept {
  const std::size_t class_index = index_of(size_class);
  const std::uint32_t size = SizeClasses::kSizes[class_index];
  FrameNumber slab = size_class.partial;
  unsigned further = kRefill;
  if (slab == kNoFrame) {
    slab = new_slab(size_class);
    if (slab == kNoFrame) return 0;
    further = 0;
  }
  FrameInfo& info = frames_.info(slab);
  SlabRecord record = SlabRecord::of(info);
  const std::uint64_t page = frames_.phys_map().to_virtual(FrameAllocator::address(slab)).value();

  const auto take = [&]() -> std::uint64_t {
    if (record.first_free == SlabRecord::kNoObject) {
      if (record.carved + size > kPageSize) return 0;
      const std::uint64_t object = page + record.carved;
      record.carved = (record.carved + size) & 0x1fff;
      return object;
    }
    const std::uint64_t address = page + std::uint64_t{record.first_free} * size;
    const FreeObject object(address);
    if (!object.is_sealed()) [[unlikely]]
      report_broken_object(address, kCorruptedList);
    record.first_free = object.link() & SlabRecord::kNoObject;
    return address;
  };

  // There is one at least: that is what room means.
  const std::uint64_t first = take();
  std::uint32_t taken = 1;
  if (further != 0) {
    HeapCache::Word list = cache.claim([] { arch::Interrupts::relax(); });
    // Half of the cache, so that what comes next finds room or objects, whichever it needs.
    const auto most = std::min<HeapCache::Word>(further, HeapCache::room(list) / 2);
    while (taken <= most) {
      const std::uint64_t object = take();
      if (object == 0) break;
      list = HeapCache::with(list, object);
      ++taken;
    }
    cache.give_back(list);
  }

  record.out = (record.out + taken) & 0x1ff;
  record.store(info);
  size_class.out += taken;
  if (record.first_free == SlabRecord::kNoObject && record.carved + size > kPageSize) {
    unlink(size_class, slab);
  }
  return first;
}

void Heap::put(SizeClass& size_class, std::uint64_t object) noexcept {
  const std::size_t class_index = index_of(size_class);
  const std::uint32_t size = SizeClasses::kSizes[class_index];
  FrameInfo* const info = find(mem::to_pointer(mem::VirtualAddress(object)));
  const auto offset = static_cast<std::uint32_t>(object % kPageSize);
  if (info == nullptr || info->current_state() != FrameState::kSlab ||
      info->payload != class_index || offset >= SlabRecord::of(*info).carved ||
      !SizeClasses::is_first_byte(offset, SizeClasses::reciprocal(class_index))) [[unlikely]] {
    report_broken_object(object, kNotAnObject);
  }
  SlabRecord record = SlabRecord::of(*info);
  if (record.out == 0) [[unlikely]]
    report_broken_object(object, kFreedTwice);
  const FrameNumber slab =
      FrameAllocator::number(frames_.phys_map().to_physical(mem::VirtualAddress(object)));
  const bool was_full =
      record.first_free == SlabRecord::kNoObject && record.carved + size > kPageSize;
  FreeObject(object).seal(record.first_free);
  record.first_free = (offset / size) & SlabRecord::kNoObject;
  --record.out;
  record.store(*info);
  --size_class.out;
  if (record.out == 0) {
    if (!was_full) unlink(size_class, slab);
    add_empty(size_class, slab);
  } else if (was_full) {
    link(size_class, slab);
  }
}

void Heap::link(SizeClass& size_class, FrameNumber slab) noexcept {
  FrameInfo& info = frames_.info(slab);
  info.next = size_class.partial;
  info.previous = kNoFrame;
  if (info.next != kNoFrame) frames_.info(info.next).previous = slab;
  size_class.partial = slab;
}

void Heap::unlink(SizeClass& size_class, FrameNumber slab) noexcept {
  const FrameInfo& info = frames_.info(slab);
  if (info.next != kNoFrame) frames_.info(info.next).previous = info.previous;
  if (info.previous != kNoFrame) {
    frames_.info(info.previous).next = info.next;
  } else {
    size_class.partial = info.next;
  }
}

}  // namespace quoll::vm
