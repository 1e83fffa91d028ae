// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The record of one frame: sixteen bytes beside the frame, memory for as long as the machine runs.
//
// A record is never initialised ahead of its use. What it says counts only while the frame is the
// first of a block (of a free one, of a run, or alone), and making it one writes it. The first
// frame of a block's buddy always is one too: the split that made the block made its buddy, and at
// the edges of free memory `FrameAllocator::init` marks the buddies that do not exist as absent.
// So a record that was never written is never read.
//
// While a frame is allocated, `next`, `previous` and `payload` are its owner's: the two words of a
// page table's record, the chain of a FrameList. They hold anything when the frame is new.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>

namespace quoll::vm {

/// What a frame's record says, while the frame is the first of a block.
enum class FrameState : std::uint8_t {
  kAllocated = 0,  ///< has `references` owners; with none it waits in a hart's cache
  kAbsent,         ///< not ours: a hole, or behind the end
  kFree,           ///< on a buddy list
  kSlab,           ///< cut into objects by the heap
  kHeapRun,        ///< the first frame of a large heap allocation; `next` holds the run's length
};

/// The record of one frame.
struct alignas(16) FrameInfo {
  FrameNumber next;
  FrameNumber previous;
  std::uint32_t references;  ///< owners (`ReferenceCount`); for a slab, the heap's own record
  FrameState state;
  std::uint8_t order;     ///< the block has 2^order frames
  std::uint16_t payload;  ///< the owner's; size class of a slab

  /// `references`, `state`, `order` and `payload` as one word. The first two values say all of a
  /// single frame: it waits in a cache, or has one owner and never had another.
  static constexpr std::uint64_t kCached = 0;
  static constexpr std::uint64_t kOwnedOnce = 1;

  static constexpr std::uint64_t kAbsent = static_cast<std::uint64_t>(FrameState::kAbsent) << 32;
  /// And of a free block.
  static constexpr std::uint64_t free_block(unsigned order) noexcept {
    return static_cast<std::uint64_t>(FrameState::kFree) << 32 | std::uint64_t{order} << 40;
  }

  std::uint64_t ownership() const noexcept { return __atomic_load_n(word(), __ATOMIC_RELAXED); }
  void set_ownership(std::uint64_t value) noexcept {
    __atomic_store_n(word(), value, __ATOMIC_RELAXED);
  }
  /// Read by whoever frees the buddy while the owner may write: only the holder of the buddy
  /// lists' lock makes a block free, so for that holder "free" cannot change, and any other answer
  /// means no.
  FrameState current_state() const noexcept {
    FrameState now{};
    __atomic_load(&state, &now, __ATOMIC_RELAXED);
    return now;
  }
  /// The same of a block of an order, which nobody writes while the block is free.
  bool is_free_block(unsigned of_order) const noexcept {
    return current_state() == FrameState::kFree && order == of_order;
  }
  void set_state(FrameState value) noexcept { __atomic_store(&state, &value, __ATOMIC_RELAXED); }

 private:
  // SAFETY: the last eight bytes of the record, which is aligned to sixteen.
  std::uint64_t* word() noexcept {
    return static_cast<std::uint64_t*>(static_cast<void*>(&references));
  }
  const std::uint64_t* word() const noexcept {
    return static_cast<const std::uint64_t*>(static_cast<const void*>(&references));
  }
};
static_assert(sizeof(FrameInfo) == 16 && offsetof(FrameInfo, state) == 12 &&
              offsetof(FrameInfo, order) == 13 && std::endian::native == std::endian::little);

}  // namespace quoll::vm
