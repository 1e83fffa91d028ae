// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel heap. A slab's record: `payload` is its class, `references` holds three counters
// (below), `next` and `previous` link the slabs with room. A free object's first word says which
// one follows, and bears a mark that tells whether anybody has written there since.
#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/heap.hpp>
#include <quoll/log/format.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

/// What a slab knows of its objects; lives in the frame's `references`.
struct SlabRecord {
  std::uint32_t first_free : 10;  ///< index of a freed object, which holds the next one's index
  std::uint32_t in_use : 10;
  std::uint32_t carved : 10;  ///< objects that were handed out at least once; those behind are raw
  std::uint32_t unused : 2;
};
constexpr std::uint32_t kNoObject = 0x3ff;

SlabRecord slab_record(const FrameInfo& info) noexcept {
  return std::bit_cast<SlabRecord>(info.references);
}
void set_slab_record(FrameInfo& info, SlabRecord record) noexcept {
  info.references = std::bit_cast<std::uint32_t>(record);
}

/// The first word of a free object: the index of the next one, and the mark of both.
std::uint64_t free_word(const void* object, std::uint32_t next) noexcept {
  return (~mem::address_of(object).value() ^ (std::uint64_t{next} << 24)) << 16 | next;
}
std::uint64_t first_word(const void* object) noexcept {
  return base::load_le<std::uint64_t>(object);
}
bool has_free_mark(const void* object) noexcept {
  const std::uint64_t word = first_word(object);
  return word == free_word(object, static_cast<std::uint16_t>(word));
}

[[noreturn, gnu::cold, gnu::noinline]] void report_broken(const void* memory, const char* what) {
  std::array<char, 96> text{};
  // The last byte stays zero.
  log::format_to(std::span(text).first(text.size() - 1), "the heap: {:#x}: {}",
                 mem::address_of(memory).value(), what);
  base::assertion_failed(text.data(), __FILE__, unsigned{__LINE__});
}

}  // namespace

constexpr std::size_t Heap::class_of(std::size_t size, std::size_t alignment) noexcept {
  // A class aligns its objects to the largest power of two in its size.
  for (std::size_t c = 0; c < kClassCount; ++c) {
    if (kClassSizes[c] >= size && kClassSizes[c] % alignment == 0) return c;
  }
  return kClassCount;
}

void* Heap::allocate(std::size_t size, std::size_t alignment) noexcept {
  if (!std::has_single_bit(alignment)) return nullptr;
  if (size <= kMaxSmall && alignment <= kMinAlignment) [[likely]] {
    // Classes for each multiple of 16, worked out when compiling.
    static constexpr auto kClasses = [] {
      std::array<std::uint8_t, kMaxSmall / kMinAlignment + 1> classes{};
      for (std::size_t i = 0; i < classes.size(); ++i) {
        classes[i] = static_cast<std::uint8_t>(class_of(std::max<std::size_t>(i * 16, 1), 16));
      }
      return classes;
    }();
    return allocate_small(kClasses[(size + kMinAlignment - 1) / kMinAlignment]);
  }
  if (size <= kMaxSmall && alignment <= kMaxSmall) {
    return allocate_small(class_of(std::bit_ceil(std::max(size, alignment)), alignment));
  }
  return allocate_large(size, alignment);
}

void* Heap::allocate_small(std::size_t class_index) noexcept {
  SizeClass& size_class = classes_[class_index];
  const std::uint32_t size = kClassSizes[class_index];
  sync::LockGuard guard(size_class.lock);
  FrameNumber slab = size_class.partial;
  if (slab == kNoFrame) {
    slab = std::exchange(size_class.empty, kNoFrame);
    if (slab == kNoFrame) {
      slab = frames_.take_frame();
      if (slab == kNoFrame) return nullptr;
      FrameInfo& fresh = frames_.info(slab);
      fresh.state = FrameState::kSlab;
      fresh.payload = static_cast<std::uint16_t>(class_index);
      set_slab_record(fresh, {kNoObject, 0, 0, 0});
      ++size_class.slabs;
    }
    link(size_class, slab);
  }
  FrameInfo& info = frames_.info(slab);
  SlabRecord record = slab_record(info);
  auto* page = frames_.phys_map().pointer<std::byte>(FrameAllocator::address(slab));
  std::uint32_t object = record.first_free;
  if (object != kNoObject) {
    std::byte* const memory = page + std::size_t{object} * size;
    if (!has_free_mark(memory)) [[unlikely]] {
      report_broken(memory, "the list of free objects is corrupted");
    }
    record.first_free = first_word(memory) & kNoObject;
    // Without the mark, that nobody takes it for a free one.
    base::store_le<std::uint64_t>(memory, 0);
  } else {
    object = record.carved++;
  }
  ++record.in_use;
  set_slab_record(info, record);
  if (record.in_use == kPageSize / size) unlink(size_class, slab);
  ++size_class.objects;
  return page + std::size_t{object} * size;
}

void* Heap::allocate_large(std::size_t size, std::size_t alignment) noexcept {
  const std::uint64_t count = mem::pages_for(size);
  auto run = frames_.allocate_run(count, std::max<std::uint64_t>(alignment / kPageSize, 1));
  if (!run) return nullptr;
  void* memory = run->data();
  // The record owns the run from here on.
  const FrameNumber first = FrameAllocator::number(run->leak());
  FrameInfo& info = frames_.info(first);
  info.state = FrameState::kHeapRun;
  info.next = static_cast<FrameNumber>(count);
  large_objects_.fetch_add(1, std::memory_order_relaxed);
  large_frames_.fetch_add(count, std::memory_order_relaxed);
  return memory;
}

void Heap::deallocate(void* memory) noexcept {
  if (memory == nullptr) return;
  const mem::PhysicalAddress physical = frames_.phys_map().physical(memory);
  if (!frames_.phys_map().physical_range().contains(physical)) [[unlikely]] {
    report_broken(memory, "not an object");
  }
  const FrameNumber frame = FrameAllocator::number(physical);
  FrameInfo* const info = frames_.find(frame);
  if (info != nullptr && info->state == FrameState::kSlab) [[likely]] {
    deallocate_small(frame, memory);
    return;
  }
  if (info == nullptr || info->state != FrameState::kHeapRun ||
      !base::is_aligned(physical.value(), kPageSize)) [[unlikely]] {
    report_broken(memory, "not an object");
  }
  const std::uint64_t count = info->next;
  info->state = FrameState::kAllocated;
  large_objects_.fetch_sub(1, std::memory_order_relaxed);
  large_frames_.fetch_sub(count, std::memory_order_relaxed);
  frames_.give_run(frame, count);
}

void Heap::deallocate_small(FrameNumber slab, void* memory) noexcept {
  FrameInfo& info = frames_.info(slab);
  SizeClass& size_class = classes_[info.payload];
  const std::uint32_t size = kClassSizes[info.payload];
  const auto offset = static_cast<std::uint32_t>(mem::address_of(memory).value() & (kPageSize - 1));
  const std::uint32_t object = offset / size;
  FrameNumber surplus = kNoFrame;
  {
    sync::LockGuard guard(size_class.lock);
    SlabRecord record = slab_record(info);
    if (object * size != offset || object >= record.carved) [[unlikely]] {
      report_broken(memory, "not an object");
    }
    if (record.in_use == 0 || (has_free_mark(memory) && is_free(info, memory))) [[unlikely]] {
      report_broken(memory, "freed twice");
    }
    if (record.in_use == kPageSize / size) link(size_class, slab);
    base::store_le<std::uint64_t>(memory, free_word(memory, record.first_free));
    record.first_free = object & kNoObject;
    --record.in_use;
    set_slab_record(info, record);
    --size_class.objects;
    if (record.in_use == 0) {
      unlink(size_class, slab);
      surplus = std::exchange(size_class.empty, slab);
      if (surplus != kNoFrame) --size_class.slabs;
    }
  }
  if (surplus != kNoFrame) {
    FrameInfo& gone = frames_.info(surplus);
    gone.state = FrameState::kAllocated;
    frames_.give_frame(surplus);
  }
}

bool Heap::is_free(const FrameInfo& slab, const void* memory) const noexcept {
  const std::uint32_t size = kClassSizes[slab.payload];
  const auto offset = static_cast<std::uint32_t>(mem::address_of(memory).value() & (kPageSize - 1));
  const auto* page = static_cast<const std::byte*>(memory) - offset;
  const SlabRecord record = slab_record(slab);
  std::uint32_t object = record.first_free;
  // As many steps as there are objects, whatever the list has become.
  for (std::uint32_t step = 0; step < record.carved && object < record.carved; ++step) {
    if (object * size == offset) return true;
    object = first_word(page + std::size_t{object} * size) & kNoObject;
  }
  return false;
}

std::size_t Heap::usable_size(const void* memory) const noexcept {
  const FrameInfo& info = frames_.info(FrameAllocator::number(frames_.phys_map().physical(memory)));
  return info.state == FrameState::kSlab ? kClassSizes[info.payload] : info.next * kPageSize;
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

void Heap::trim() noexcept {
  for (SizeClass& size_class : classes_) {
    FrameNumber slab = kNoFrame;
    {
      sync::LockGuard guard(size_class.lock);
      slab = std::exchange(size_class.empty, kNoFrame);
      if (slab != kNoFrame) --size_class.slabs;
    }
    if (slab == kNoFrame) continue;
    frames_.info(slab).state = FrameState::kAllocated;
    frames_.give_frame(slab);
  }
}

HeapStatistics Heap::statistics() noexcept {
  HeapStatistics out;
  for (std::size_t c = 0; c < kClassCount; ++c) {
    SizeClass& size_class = classes_[c];
    sync::LockGuard guard(size_class.lock);
    out.objects += size_class.objects;
    out.used_bytes += size_class.objects * kClassSizes[c];
    out.frames += size_class.slabs;
    if (size_class.empty != kNoFrame) ++out.empty_frames;
  }
  const std::uint64_t large = large_frames_.load(std::memory_order_relaxed);
  out.objects += large_objects_.load(std::memory_order_relaxed);
  out.used_bytes += large * kPageSize;
  out.frames += large;
  return out;
}

}  // namespace quoll::vm
