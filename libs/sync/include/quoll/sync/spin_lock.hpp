// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spin locks: a plain one, and one that keeps interrupts off while it is held.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/sync/annotations.hpp>
#include <quoll/sync/interrupt_control.hpp>
#include <quoll/sync/lock_rank.hpp>
#include <quoll/sync/lock_watch.hpp>

namespace quoll::sync {

/// Mutual exclusion between harts by spinning.
/// *Context*: never taken by an interrupt handler; data shared with one needs `IrqSpinLock`.
///
/// What takes a lock is inlined into its caller in every build: the lock's owner names that code.
template <LockRank Rank>
class QUOLL_CAPABILITY("lock") SpinLock {
 public:
  constexpr SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  [[gnu::always_inline]] void lock() noexcept QUOLL_ACQUIRE() {
    if (held_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
      wait_and_take();
    owner_.note();
    detail::note_acquired(Rank);
  }
  [[gnu::always_inline]] bool try_lock() noexcept QUOLL_TRY_ACQUIRE(true) {
    if (held_.exchange(1, std::memory_order_acquire) != 0) return false;
    owner_.note();
    detail::note_acquired(Rank);
    return true;
  }
  void unlock() noexcept QUOLL_RELEASE() {
    detail::note_released(Rank);
    held_.store(0, std::memory_order_release);
  }

 private:
  [[gnu::noinline, gnu::cold]] void wait_and_take() noexcept {
    LockWait wait(Rank, owner_, __builtin_return_address(0));
    do {
      // Reading leaves the cache line shared until there is something to win.
      for (; held_.load(std::memory_order_relaxed) != 0; wait.round())
        asm volatile("" ::: "memory");
    } while (held_.exchange(1, std::memory_order_acquire) != 0);
  }

  std::atomic<std::uint32_t> held_{0};
  LockOwner owner_;
};

/// As `SpinLock`, with this hart's interrupts off from `lock` to `unlock`.
/// *Context*: any, interrupt handlers included.
template <InterruptControl Interrupts, LockRank Rank>
class QUOLL_CAPABILITY("lock") IrqSpinLock {
 public:
  constexpr IrqSpinLock() = default;
  IrqSpinLock(const IrqSpinLock&) = delete;
  IrqSpinLock& operator=(const IrqSpinLock&) = delete;

  [[gnu::always_inline]] void lock() noexcept QUOLL_ACQUIRE() {
    auto state = Interrupts::save_and_disable();
    if (held_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
      state = wait_and_take(state);
    owner_.note();
    detail::note_acquired(Rank);
    state_ = state;
  }
  void unlock() noexcept QUOLL_RELEASE() {
    detail::note_released(Rank);
    const auto state = state_;
    held_.store(0, std::memory_order_release);
    Interrupts::restore(state);
  }

 private:
  using State = typename Interrupts::State;

  /// The state of interrupts before they went off for the last time.
  [[gnu::noinline, gnu::cold]] State wait_and_take(State state) noexcept {
    LockWait wait(Rank, owner_, __builtin_return_address(0));
    do {
      // While waiting the hart goes on taking interrupts, as far as it did before.
      Interrupts::restore(state);
      for (; held_.load(std::memory_order_relaxed) != 0; wait.round()) Interrupts::relax();
      state = Interrupts::save_and_disable();
    } while (held_.exchange(1, std::memory_order_acquire) != 0);
    return state;
  }

  std::atomic<std::uint32_t> held_{0};
  State state_{};  // written by the holder only
  LockOwner owner_;
};

/// Holds a lock for a scope.
template <typename Lock>
class QUOLL_SCOPED_CAPABILITY [[nodiscard]] LockGuard {
 public:
  [[gnu::always_inline]] explicit LockGuard(Lock& lock) noexcept QUOLL_ACQUIRE(lock) : lock_(lock) {
    lock_.lock();
  }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  [[gnu::always_inline]] ~LockGuard() QUOLL_RELEASE() { lock_.unlock(); }

 private:
  Lock& lock_;
};

/// Keeps this hart's interrupts off for a scope.
template <InterruptControl Interrupts>
class [[nodiscard]] InterruptGuard {
 public:
  InterruptGuard() noexcept : state_(Interrupts::save_and_disable()) {}
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard() { Interrupts::restore(state_); }

 private:
  typename Interrupts::State state_;
};

}  // namespace quoll::sync
