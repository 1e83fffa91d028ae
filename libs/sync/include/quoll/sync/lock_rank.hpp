// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lock ranks: the order in which locks may be taken. Every lock has one, and there is no "none".
#pragma once

#include <bit>
#include <cstdint>

namespace quoll::sync {

/// A lock may be taken only while every lock that the hart holds has a lower rank.
/// Outermost first. The gaps are for rooms to come.
enum class LockRank : std::uint8_t {
  kGuestTable = 4,        ///< guests and their handles
  kCancel = 11,           ///< sources of cancellation, and what their callbacks may take
  kTimer = 12,            ///< a hart's timers, some of which set events
  kChannel = 13,          ///< wait queues, events, channels
  kDevice = 14,           ///< a driver's rings and registers, looked at by those who wait for them
  kInterruptSource = 15,  ///< who has which interrupt source
  kTaskList = 17,         ///< the tasks of a hart
  kExecutor = 18,         ///< run queues
  kAddressSpace = 24,     ///< regions and page tables of one space
  kVmo = 26,              ///< pages and mappings of one memory object
  kPageRequest = 27,      ///< who waits for one page
  kKernelWindow = 28,     ///< the kernel's own mappings
  kAsid = 30,             ///< which space has which ASID
  kHeap = 32,             ///< one size class
  kFrameCache = 36,       ///< one hart's frames
  kFrames = 40,           ///< the buddy lists
  kLiveRoots = 42,        ///< the list of root page tables
  kRandom = 44,           ///< the random generator
  kInterrupt = 50,        ///< what a hart's interrupt handler claims: taken wherever it comes
  kLog = 56,              ///< log ring and console: usable under any other lock
};

inline constexpr unsigned kLockRankCount = 64;

/// Which locks a hart holds: a bit for each rank.
class LockSet {
 public:
  constexpr LockSet() = default;
  constexpr explicit LockSet(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr bool is_empty() const noexcept { return bits_ == 0; }
  constexpr bool contains(LockRank rank) const noexcept { return (bits_ & bit(rank)) != 0; }
  /// Whether a lock of this rank may be taken now. Two of one rank cannot be ordered.
  constexpr bool allows(LockRank rank) const noexcept { return bits_ < bit(rank); }
  constexpr void add(LockRank rank) noexcept { bits_ |= bit(rank); }
  constexpr void remove(LockRank rank) noexcept { bits_ &= ~bit(rank); }
  /// Calls `f` with each rank, outermost first.
  template <typename F>
  constexpr void for_each(F&& f) const {
    for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
      f(static_cast<LockRank>(std::countr_zero(rest)));
    }
  }

 private:
  static constexpr std::uint64_t bit(LockRank rank) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(rank);
  }
  std::uint64_t bits_ = 0;
};

/// A word for reports.
const char* to_string(LockRank rank) noexcept;

namespace detail {

/// Kept in every build: a panic is contained only where no lock is held.
inline constinit thread_local LockSet held_locks;

[[noreturn]] void rank_violated() noexcept;
[[noreturn]] void released_unheld() noexcept;

/// Notes that the hart holds a lock of this rank; checking builds assert the order.
inline void note_acquired(LockRank rank) noexcept {
#ifdef QUOLL_CHECK_LOCK_RANKS
  if (!held_locks.allows(rank)) [[unlikely]]
    rank_violated();
#endif
  held_locks.add(rank);
}
/// Notes that it does no longer.
inline void note_released(LockRank rank) noexcept {
#ifdef QUOLL_CHECK_LOCK_RANKS
  if (!held_locks.contains(rank)) [[unlikely]]
    released_unheld();
#endif
  held_locks.remove(rank);
}

}  // namespace detail

/// The spin locks that this hart holds. *Context*: any.
inline LockSet locks_held() noexcept {
  return detail::held_locks;
}

}  // namespace quoll::sync
