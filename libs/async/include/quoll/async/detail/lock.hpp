// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The lock under every wait queue: held for a handful of instructions, in task context only.
#pragma once

#include <quoll/async/detail/words.hpp>

namespace quoll::async::detail {

/// A test-and-test-and-set spin lock.
///
/// *Context*: tasks and the executor; never an interrupt handler, which uses `Signal` instead.
/// That is why it need not turn interrupts off.
class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void lock() noexcept {
    while (held_.exchange(1, std::memory_order_acquire) != 0) {
      while (held_.load(std::memory_order_relaxed) != 0) pause();
    }
  }
  void unlock() noexcept { held_.store(0, std::memory_order_release); }

 private:
  LockWord held_{0};
};

/// Holds a `Lock` for a scope; `unlock()` ends it early.
class LockGuard {
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
