// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lock ranks: the order in which locks may be taken. Every lock has one, and there is no "none".
#pragma once

#include <cstdint>

namespace quoll::sync {

/// A lock may be taken only while every lock that the hart holds has a lower rank.
/// Outermost first. The gaps are for rooms to come.
enum class LockRank : std::uint8_t {
  kGuestTable = 4,     ///< guests and their handles
  kDevice = 10,        ///< a driver's rings and registers
  kChannel = 12,       ///< wait queues, events, channels
  kExecutor = 16,      ///< run queues
  kTimer = 18,         ///< the timer queue
  kAddressSpace = 24,  ///< regions and page tables of one space
  kKernelWindow = 28,  ///< the kernel's own mappings
  kHeap = 32,          ///< one size class
  kFrameCache = 36,    ///< one hart's frames
  kFrames = 40,        ///< the buddy lists
  kRandom = 44,        ///< the random generator
  kLog = 56,           ///< log ring and console: usable under any other lock
};

inline constexpr unsigned kLockRankCount = 64;

namespace detail {
#ifdef QUOLL_CHECK_LOCK_RANKS
/// Asserts the order and notes that the hart holds a lock of this rank.
void note_acquired(LockRank rank) noexcept;
/// Notes that it does no longer.
void note_released(LockRank rank) noexcept;
#else
inline void note_acquired(LockRank) noexcept {}
inline void note_released(LockRank) noexcept {}
#endif
}  // namespace detail

}  // namespace quoll::sync
