// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The buddy lists: free blocks of 2^order frames, aligned to their size, split when a smaller one
// is wanted and joined again when both halves are free.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/arena.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>

namespace quoll::vm {

/// *Locking*: the caller's. Only the count of free frames is read without it.
class BuddyLists {
 public:
  static constexpr unsigned kMaxOrder = 18;  // 1 GiB
  static constexpr unsigned kOrderCount = kMaxOrder + 1;

  /// Keeps `free_frames` up to date.
  constexpr BuddyLists(const ArenaSet& arenas, std::atomic<std::uint64_t>& free_frames)
      : arenas_(arenas), free_frames_(free_frames) {}
  BuddyLists(const BuddyLists&) = delete;
  BuddyLists& operator=(const BuddyLists&) = delete;

  /// All lists empty.
  void clear() noexcept;
  /// Marks every buddy with which this block could ever be joined as absent. When all blocks have
  /// had this, those that exist are freed, which overwrites it.
  void mark_absent_buddies(FrameNumber frame, unsigned order) noexcept;

  /// The first frame of a block, or `kNoFrame`. The block is not free any more; its record says
  /// that it waits in a cache, until its taker writes what it is.
  FrameNumber take(unsigned order) noexcept;
  /// Frees a block, joined with its buddies as far as they are free.
  void free(FrameNumber frame, unsigned order) noexcept;

  /// Frames of the largest free block.
  std::uint64_t largest_block() const noexcept {
    return orders_with_blocks_ == 0 ? 0 : std::bit_floor(std::uint64_t{orders_with_blocks_});
  }

 private:
  // `Records` is an `ArenaSet` or, where there is one, a `SingleArena`.
  template <typename Records>
  FrameNumber take_from(Records records, unsigned order) noexcept;
  template <typename Records>
  void free_into(Records records, FrameNumber frame, unsigned order) noexcept;
  template <typename Records>
  void push(Records records, FrameNumber frame, unsigned order) noexcept;
  template <typename Records>
  void unlink(Records records, FrameNumber frame, unsigned order) noexcept;
  template <typename Records>
  void split(Records records, FrameNumber frame, unsigned from, unsigned order) noexcept;

  const ArenaSet& arenas_;
  std::atomic<std::uint64_t>& free_frames_;
  std::array<FrameNumber, kOrderCount> first_{};
  std::uint32_t orders_with_blocks_ = 0;
};

/// Cuts a run into the blocks of the buddy system: aligned powers of two, largest first where
/// alignment lets them.
template <typename F>
void for_each_block(FrameNumber first, std::uint64_t count, F&& f) {
  while (count > 0) {
    const auto aligned =
        first == 0 ? BuddyLists::kMaxOrder : static_cast<unsigned>(std::countr_zero(first));
    const auto fitting = static_cast<unsigned>(std::bit_width(count) - 1);
    const unsigned order = std::min({aligned, fitting, BuddyLists::kMaxOrder});
    f(first, order);
    first += FrameNumber{1} << order;
    count -= std::uint64_t{1} << order;
  }
}

}  // namespace quoll::vm
