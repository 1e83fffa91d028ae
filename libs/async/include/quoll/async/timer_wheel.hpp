// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The timers of one hart: a hierarchical timing wheel (Varghese and Lauck, "Hashed and hierarchical
// timing wheels", scheme 6).
//
// A deadline is a number of digits to the base 32. A timer stands at the level of the highest digit
// in which its deadline differs from `reached_`, the time up to which everything has fired, in the
// slot of that digit. So a level's slots are all later than those of the levels below it, and
// within a level a higher slot is later: the first slot of the lowest level that has any holds the
// earliest timer. When time reaches a slot its timers go to the levels below it, or fire. Nothing
// ticks: the next deadline is known, and time may jump to it.
//
// A slot is a ring in the order of insertion, but for its head, which is the earliest in it. That
// makes the next deadline exact without a search. Where the head is taken out by a cancellation
// nobody knows the second; the slot's first moment stands for it then.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <quoll/async/detail/lock.hpp>

namespace quoll::async {

/// Ticks of the machine's monotonic clock.
using Ticks = std::uint64_t;
/// A deadline that never comes.
inline constexpr Ticks kNever = std::numeric_limits<Ticks>::max();

/// One deadline. Every field belongs to the wheel's lock.
struct Timer {
  Ticks deadline = kNever;
  detail::Guarded<Timer*> next = nullptr;
  detail::Guarded<Timer*> previous = nullptr;
  /// Called when the deadline has come; the timer is out of the wheel, and may be gone once
  /// somebody has been told.
  void (*fire)(Timer&) noexcept = nullptr;
  detail::Guarded<bool> queued = false;
  /// Whether `fire` is called without the wheel's lock, for what takes other locks: the timer may
  /// not go before `settle_locked`, then. Else it is called under that lock.
  bool fires_unlocked = false;
  std::uint8_t level = 0;
  std::uint8_t slot = 0;
};

/// The timers that one hart serves. Insertion and removal take constant time; a timer moves
/// `kLevels` times at most before it fires. Those of one tick fire in the order of insertion.
class TimerWheel {
 public:
  TimerWheel() = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// The earliest deadline; may be early after a removal, never late. *Context*: the hart that owns
  /// the wheel, which alone changes it: no order is needed.
  Ticks next_deadline() const noexcept { return next_.load(std::memory_order_relaxed); }

  /// Fires every timer whose deadline is not after `now`, the earliest first.
  /// *Requires*: time does not go back. *Context*: the hart that owns the wheel.
  void expire(Ticks now) noexcept;

  auto& lock() noexcept { return lock_; }
  /// *Context*: the hart that owns the wheel.
  /// *Requires*: it is in no wheel; its deadline and `fire` are set. A deadline in the past fires
  /// at the next `expire`. *Locking*: `lock()`.
  void insert_locked(Timer& timer) noexcept;
  /// *Requires*: it is queued here. *Locking*: `lock()`.
  void remove_locked(Timer& timer) noexcept;
  /// Takes a timer that fires unlocked out if it is queued, and waits for its `fire` if that runs
  /// on another hart. *Locking*: `lock()`, which is free in between.
  void settle_locked(Timer& timer) noexcept;

 private:
  static constexpr unsigned kDigitBits = 5;
  static constexpr unsigned kSlots = 1U << kDigitBits;
  /// 2^30 ticks: 107 s of a clock of 10 MHz. What is further away waits at one level more, all in
  /// one slot, and is looked at again when the digits above have changed.
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kFarShift = kLevels * kDigitBits;

  struct Place {
    std::uint8_t level;
    std::uint8_t slot;
  };
  struct Level {
    std::uint32_t used = 0;      ///< a bit for each slot that has timers
    std::uint32_t beheaded = 0;  ///< whose head is not known to be their earliest
  };
  /// The slot that comes first, and its first moment.
  struct First {
    Place place;
    Ticks start;
  };

  /// Where those that fire unlocked wait for it.
  static constexpr std::uint8_t kDue = kLevels + 1;

  Place place_of(Ticks deadline) const noexcept;
  Timer*& head_of(Place place) noexcept;
  bool find_first(First& first) noexcept;
  Timer* take(Place place) noexcept;
  void put(Timer& timer) noexcept;
  void put_at(Place place, Timer& timer) noexcept;
  void empty_slot(const First& first, Ticks now) noexcept;
  void fire_due_locked() noexcept;

  detail::RankedLock<sync::LockRank::kTimer> lock_;
  Ticks reached_ = 0;
  std::array<Level, kDue + 1> levels_{};
  std::array<std::array<Timer*, kSlots>, kLevels> slots_{};
  Timer* far_ = nullptr;
  Timer* due_ = nullptr;
  detail::Guarded<Timer*> firing_ = nullptr;  ///< without the lock
  detail::Atomic<Ticks> next_{kNever};
};

}  // namespace quoll::async
