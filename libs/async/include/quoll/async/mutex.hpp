// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Mutex for tasks: held across suspension, handed over in order.
#pragma once

#include <utility>

#include <quoll/async/wait_queue.hpp>

namespace quoll::async {

/// Mutual exclusion among tasks. Unlocking hands the mutex to the task that has waited longest.
class Mutex {
 public:
  /// Proof of holding; unlocks when it goes.
  class [[nodiscard]] Guard {
   public:
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

    /// What it holds.
    Mutex& mutex() noexcept { return *mutex_; }

   private:
    friend class Mutex;
    explicit Guard(Mutex& mutex) noexcept : mutex_(&mutex) {}
    Mutex* mutex_;
  };

  class Locking : public detail::WaitBase<Locking> {
   public:
    Locking(Mutex& mutex, CancelToken token) noexcept
        : WaitBase(mutex.lock_, mutex.waiters_, token), mutex_(mutex) {}
    base::Result<Guard, WaitError> await_resume() noexcept {
      if (finish() == WaitState::kWoken) return Guard(mutex_);
      return base::err(WaitError::kCancelled);
    }
    WaitState try_now_locked() noexcept {
      if (mutex_.held_) return WaitState::kIdle;
      mutex_.held_ = true;
      return WaitState::kWoken;
    }

   private:
    Mutex& mutex_;
  };

  /// `co_await mutex.lock(token)`: `Result<Mutex::Guard, WaitError>`.
  Locking lock(CancelToken token = {}) noexcept { return Locking(*this, token); }

 private:
  friend class Condition;
  /// Gives the mutex to a waiter that is in no list: now, or in its turn.
  void pass_to(Waiter& waiter) noexcept {
    detail::LockGuard guard(lock_);
    if (held_) {
      waiters_.push_back(waiter);
      return;
    }
    held_ = true;
    waiter.state = WaitState::kWoken;
    TaskHeader& task = *waiter.task;
    guard.unlock();
    task.wake();
  }
  void unlock() noexcept {
    detail::LockGuard guard(lock_);
    Waiter* const waiter = waiters_.pop_front(WaitState::kWoken);
    if (waiter == nullptr) {
      held_ = false;
      return;
    }
    TaskHeader& task = *waiter->task;
    guard.unlock();
    task.wake();
  }

  detail::Lock lock_;
  WaitList waiters_;
  detail::Guarded<bool> held_ = false;
};

}  // namespace quoll::async
