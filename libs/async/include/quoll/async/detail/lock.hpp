// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The lock under every wait queue: held for a handful of instructions, in task context only.
#pragma once

#include <quoll/async/detail/words.hpp>
#include <quoll/sync/lock_rank.hpp>

namespace quoll::async::detail {

using sync::LockRank;

// A kernel that checks more, and the tests of the workstation, assert the order of ranks. Models
// run many harts on one thread, and the explorer finds a deadlock by itself.
#if defined(QUOLL_CHECK_LOCK_RANKS) && !defined(QUOLL_ASYNC_WORDS)
/// That a hart holds a lock of a rank, from `acquire` to `release`.
template <LockRank kRank>
class HeldRank {
 public:
  void acquire() noexcept {
    // Sources form trees: the lock of a parent is held while a child's is taken.
    if (kRank == LockRank::kCancel && sync::locks_held().contains(kRank)) {
      is_inner_ = true;
    } else {
      sync::detail::note_acquired(kRank);
      is_inner_ = false;
    }
  }
  void release() const noexcept {
    if (!is_inner_) sync::detail::note_released(kRank);
  }

 private:
  bool is_inner_ = false;  ///< belongs to the lock
};
#else
template <LockRank>
class HeldRank {
 public:
  void acquire() const noexcept {}
  void release() const noexcept {}
};
#endif

/// A test-and-test-and-set spin lock.
///
/// *Context*: tasks and the executor; never an interrupt handler, which uses `Signal` instead.
/// That is why it need not turn interrupts off.
template <LockRank kRank>
class RankedLock {
 public:
  RankedLock() = default;
  RankedLock(const RankedLock&) = delete;
  RankedLock& operator=(const RankedLock&) = delete;

  void lock() noexcept {
    while (held_.exchange(1, std::memory_order_acquire) != 0) {
      while (held_.load(std::memory_order_relaxed) != 0) pause();
    }
    rank_.acquire();
  }
  void unlock() noexcept {
    rank_.release();
    held_.store(0, std::memory_order_release);
  }

 private:
  LockWord held_{0};
  [[no_unique_address]] HeldRank<kRank> rank_;
};

/// Of what tasks wait for. No two are held at once.
using Lock = RankedLock<LockRank::kChannel>;

/// Holds a lock for a scope; `unlock()` ends it early.
template <typename Lock>
class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Lock& lock) noexcept : lock_(&lock) { lock_->lock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() {
    if (lock_ != nullptr) lock_->unlock();
  }
  void unlock() noexcept {
    lock_->unlock();
    lock_ = nullptr;
  }

 private:
  Lock* lock_;
};

}  // namespace quoll::async::detail
