// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator when a hart's cache alone does not do: batches between caches and buddy
// lists, frames of other harts' caches, references that were shared.
#include <algorithm>
#include <array>
#include <atomic>

#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/frame_alloc/reference_count.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "report.hpp"

namespace quoll::vm {
namespace {

using InterruptsOff = sync::InterruptGuard<arch::Interrupts>;

constexpr auto kRelax = [] { arch::Interrupts::relax(); };

/// How many frames a cache gets where no block has as many as it should have: each is a search of
/// its own, and interrupts are off.
constexpr std::size_t kRefillSingly = 4;

}  // namespace

// Taking.

std::uint64_t FrameAllocator::take_slowly() noexcept {
  if (!has_memory()) return 0;
  std::uint64_t address = 0;
  {
    // Off for both: the hart stays the same, and finds its cache as it left it.
    const InterruptsOff guard;
    const unsigned hart = arch::Harts::id();
    address = pop_from(hart);
    if (address == 0) address = refill(hart);
  }
  if (address == 0) address = steal();
  if (address == 0) return 0;
  arenas_.info(number(mem::PhysicalAddress(address))).set_ownership(FrameInfo::kOwnedOnce);
  return address;
}

std::uint64_t FrameAllocator::pop_from(unsigned hart) noexcept {
  FrameCache::Slot* const top = FrameCache::claim(gate(hart), kRelax);
  const std::uint64_t address = top[-1];
  FrameCache::give_back(gate(hart), address == 0 ? top : top - 1);
  return address;
}

std::uint64_t FrameAllocator::refill(unsigned hart) noexcept {
  std::array<std::uint64_t, kRefill> batch;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::size_t count = 0;
  FrameNumber block = kNoFrame;
  {
    sync::LockGuard guard(lock_);
    // A whole batch in one block if there is one: one search, no splitting frame by frame.
    block = buddies_.take(kRefillOrder);
    if (block == kNoFrame) {
      for (; count < kRefillSingly; ++count) {
        const FrameNumber frame = buddies_.take(0);
        if (frame == kNoFrame) break;
        batch[count] = frame_address(frame).value();
      }
    }
  }
  if (block != kNoFrame) {
    // Only the block's first record is meaningful yet. Nobody reads the others before the frames
    // have gone through a gate.
    FrameInfo* const records = &arenas_.info(block);
    const std::uint64_t address = frame_address(block).value();
    for (std::size_t i = 0; i < kRefill; ++i) {
      records[i].set_ownership(FrameInfo::kCached);
      batch[i] = address + i * mem::kPageSize;
    }
    count = kRefill;
  }
  if (count < 2) return count == 0 ? 0 : batch[0];
  // Room is certain: the cache was empty, and nobody but this hart, which has interrupts off, fills
  // it.
  FrameCache::Slot* const top = FrameCache::claim(gate(hart), kRelax);
  FrameCache::give_back(gate(hart), std::reverse_copy(&batch[1], &batch[0] + count, top));
  return batch[0];
}

std::uint64_t FrameAllocator::steal() noexcept {
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    // Interrupts go on between harts.
    const InterruptsOff guard;
    if (const std::uint64_t address = pop_from(hart)) return address;
  }
  return 0;
}

// Giving.

void FrameAllocator::drop_slowly(mem::PhysicalAddress address) noexcept {
  FrameInfo& record = arenas_.info(number(address));
  if (record.current_state() != FrameState::kAllocated) [[unlikely]] {
    report_broken(number(address), "freed twice");
  }
  switch (ReferenceCount(std::atomic_ref(record.references)).drop()) {
    case Dropped::kOthersRemain:
      return;
    case Dropped::kBroken:
      report_broken(number(address), "freed twice");
    case Dropped::kLast:
      break;
  }
  if (address == zero_frame_) [[unlikely]] {
    report_broken(number(address), "the frame of zeros given up by its allocator");
  }
  mark_cached(number(address));
  give_slowly(address.value());
}

void FrameAllocator::give_slowly(std::uint64_t address) noexcept {
  const unsigned hart = arch::Harts::id();
  FrameCache& cache = caches_[hart];
  for (;;) {
    {
      const InterruptsOff guard;
      FrameCache::Slot* const top = FrameCache::claim(gate(hart), kRelax);
      const bool has_room = !cache.is_full(top);
      if (has_room) *top = address;
      FrameCache::give_back(gate(hart), has_room ? top + 1 : top);
      if (has_room) return;
    }
    // Interrupt handlers may fill it again meanwhile.
    flush_from(hart);
  }
}

std::size_t FrameAllocator::flush_from(unsigned hart) noexcept {
  std::array<std::uint64_t, kFlush> batch;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::size_t count = 0;
  {
    const InterruptsOff guard;
    FrameCache::Slot* const top = FrameCache::claim(gate(hart), kRelax);
    count = std::min(kFlush, caches_[hart].count(top));
    std::copy_n(top - count, count, batch.begin());
    FrameCache::give_back(gate(hart), top - count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    // One by one: each may be joined with others through all orders, and interrupts are off.
    sync::LockGuard guard(lock_);
    buddies_.free(number(mem::PhysicalAddress(batch[i])), 0);
  }
  return count;
}

void FrameAllocator::drain_caches() noexcept {
  if (!has_memory()) return;
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    while (flush_from(hart) != 0) {
    }
  }
}

// Raw frames, for the heap.

FrameNumber FrameAllocator::take_frame() noexcept {
  std::uint64_t address = take_cached();
  if (address != 0) [[likely]]
    return number(mem::PhysicalAddress(address));
  // One from the lists: who takes one frame among other work is not to be kept by a batch.
  const FrameNumber frame = take_from_lists();
  if (frame != kNoFrame) return frame;
  address = take_slowly();
  return address == 0 ? kNoFrame : number(mem::PhysicalAddress(address));
}

void FrameAllocator::mark_cached(FrameNumber frame) noexcept {
  FrameInfo& record = arenas_.info(frame);
  // Anything else is given back twice, or was never handed out.
  if (record.current_state() != FrameState::kAllocated || record.order != 0) [[unlikely]] {
    report_broken(frame, "freed twice");
  }
  record.set_ownership(FrameInfo::kCached);
}

void FrameAllocator::give_frame(FrameNumber frame) noexcept {
  mark_cached(frame);
  {
    const InterruptsOff guard;
    const unsigned hart = arch::Harts::id();
    FrameCache::Slot* const top = FrameCache::claim(gate(hart), kRelax);
    const bool has_room = !caches_[hart].is_full(top);
    if (has_room) *top = address(frame).value();
    FrameCache::give_back(gate(hart), has_room ? top + 1 : top);
    if (has_room) return;
  }
  // One to the lists, as above.
  sync::LockGuard guard(lock_);
  buddies_.free(frame, 0);
}

}  // namespace quoll::vm
