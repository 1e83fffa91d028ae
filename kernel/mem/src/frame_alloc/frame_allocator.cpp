// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator: runs, zeroed frames, counting.
#include <algorithm>
#include <bit>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "report.hpp"
#include "zero.hpp"

namespace quoll::vm {

base::Result<Frame, AllocError> FrameAllocator::allocate_zeroed(FrameUse use) noexcept {
  auto frame = allocate(use);
  if (frame) fill_with_zeros(frame->data());
  return frame;
}

Frame FrameAllocator::zero_frame() noexcept {
  QUOLL_ASSERT(zero_frame_.value() != 0);
  // The allocator's own reference, lent for as long as it takes to share it.
  Frame own = Frame::adopt(*this, zero_frame_);
  Frame shared = own.share();
  (void)own.leak();
  return shared;
}

// Runs.

base::Result<FrameRun, AllocError> FrameAllocator::allocate_run(std::uint64_t count,
                                                                std::uint64_t alignment) noexcept {
  // A single frame needs none of the arithmetic, which is long without instructions for bits.
  if (count == 1 && alignment == 1) {
    const FrameNumber frame = take_from_lists();
    if (frame != kNoFrame) [[likely]]
      return FrameRun(*this, address(frame), 1);
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << kMaxOrder;
  if (count == 0 || count > kMost || !std::has_single_bit(alignment) || alignment > kMost) {
    return base::err(AllocError::kInvalid);
  }
  const std::uint64_t block = std::max(std::bit_ceil(count), alignment);
  const auto order = static_cast<unsigned>(std::countr_zero(block));
  FrameNumber first = take_run(count, order);
  if (first == kNoFrame && has_memory()) {
    // What the caches hold may be what keeps a block from being whole.
    drain_caches();
    first = take_run(count, order);
  }
  if (first == kNoFrame) return base::err(AllocError::kOutOfMemory);
  return FrameRun(*this, address(first), count);
}

FrameNumber FrameAllocator::take_run(std::uint64_t count, unsigned order) noexcept {
  sync::LockGuard guard(lock_);
  const FrameNumber first = buddies_.take(order);
  if (first == kNoFrame) return kNoFrame;
  // The run keeps the blocks that it is made of; the rest of the large block goes back.
  for_each_block(first, count, [this](FrameNumber block, unsigned block_order) {
    FrameInfo& record = arenas_.info(block);
    record.set_ownership(FrameInfo::kOwnedOnce);
    record.order = static_cast<std::uint8_t>(block_order);
  });
  const auto end = first + static_cast<FrameNumber>(count);
  for_each_block(end, (std::uint64_t{1} << order) - count,
                 [this](FrameNumber block, unsigned block_order)
                     QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                       buddies_.free(block, block_order);
                     });
  return first;
}

FrameNumber FrameAllocator::take_from_lists() noexcept {
  sync::LockGuard guard(lock_);
  const FrameNumber frame = buddies_.take(0);
  if (frame != kNoFrame) [[likely]]
    info(address(frame)).set_ownership(FrameInfo::kOwnedOnce);
  return frame;
}

void FrameAllocator::give_run(FrameNumber first, std::uint64_t count) noexcept {
  if (count == 1) {
    sync::LockGuard guard(lock_);
    if (info(address(first)).ownership() != FrameInfo::kOwnedOnce) [[unlikely]] {
      report_broken(first, "freed twice");
    }
    return buddies_.free(first, 0);
  }
  for_each_block(first, count, [this](FrameNumber block, unsigned order) {
    // Interrupts go on between blocks.
    sync::LockGuard guard(lock_);
    const FrameInfo& record = arenas_.info(block);
    if (record.state != FrameState::kAllocated || record.order != order || record.references == 0)
        [[unlikely]] {
      report_broken(block, "freed twice");
    }
    buddies_.free(block, order);
  });
}

void FrameAllocator::release_range(mem::PhysicalRange range) noexcept {
  const std::array ranges{range};
  const Stretches stretches(ranges, map_.physical_range());
  const auto stretch = stretches.next(0);
  if (!stretch) return;
  for (std::uint64_t i = stretch->first; i < stretch->end; ++i) {
    // Interrupts go on between frames.
    sync::LockGuard guard(lock_);
    const auto frame = static_cast<FrameNumber>(i);
    const FrameInfo& record = arenas_.info(frame);
    QUOLL_ASSERT(record.ownership() == FrameInfo::kOwnedOnce);
    buddies_.free(frame, 0);
  }
}

// Counting.

std::uint64_t FrameAllocator::available_frames() const noexcept {
  return free_frames_.load(std::memory_order_relaxed) + cached_frames();
}

std::uint64_t FrameAllocator::cached_frames() const noexcept {
  std::uint64_t cached = 0;
  if (!has_memory()) return cached;
  for (unsigned hart = 0; hart < sync::kMaxHarts; ++hart) {
    cached += caches_[hart].count(gate(hart), [] { arch::Interrupts::relax(); });
  }
  return cached;
}

FrameStatistics FrameAllocator::statistics() noexcept {
  FrameStatistics out;
  out.cached = cached_frames();
  sync::LockGuard guard(lock_);
  out.managed = managed_;
  out.metadata = metadata_;
  out.reserved = reserve_;
  out.free = free_frames_.load(std::memory_order_relaxed);
  out.allocated = out.managed - out.free - out.cached;
  out.largest_free_run = buddies_.largest_block();
  for (const Arena& arena : arenas_.arenas()) out.holes += arena.count;
  out.holes -= managed_ + metadata_;
  return out;
}

}  // namespace quoll::vm
