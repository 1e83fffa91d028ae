// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Condition: tasks that wait for something to become true of what a Mutex guards.
#pragma once

#include <coroutine>

#include <quoll/async/mutex.hpp>

namespace quoll::async {

/// Lets go of a mutex and waits, as one step; has the mutex again when the wait ends, however it
/// ends. A task that is notified goes to the mutex's queue, and is woken when it has the mutex.
///
///     while (!is_ready) {
///       const auto waited = co_await condition.wait(guard, token);
///       if (!waited) ...  // cancelled, and `guard` holds
///     }
class Condition {
 public:
  class Waiting : private Waiter, private CancelRegistration {
   public:
    Waiting(Condition& condition, Mutex& mutex, CancelToken token) noexcept
        : condition_(condition), mutex_(mutex), token_(token) {}

    bool await_ready() const noexcept { return false; }
    template <TaskPromise P>
    [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<P> handle) noexcept {
      return detail::suspend_task(handle, [this](TaskHeader& header) { return suspend(header); });
    }
    base::Result<void, WaitError> await_resume() noexcept {
      disarm();
      if (cancelled_) return base::err(WaitError::kCancelled);
      return {};
    }

   private:
    friend class Condition;
    static Waiting& of(Waiter& waiter) noexcept { return static_cast<Waiting&>(waiter); }

    bool suspend(TaskHeader& header) noexcept {
      task = &header;
      Mutex& mutex = mutex_;
      // Queued under the token's lock: a cancellation finds it there, or was too early.
      const bool armed = arm(token_, &Waiting::on_cancel, [this] {
        const detail::LockGuard guard(condition_.lock_);
        condition_.waiters_.push_back(*this);
        waits_ = true;
      });
      if (!armed) {
        cancelled_ = true;
        return false;
      }
      // Until here nobody could wake us: we hold the mutex that they have to give us.
      mutex.unlock();
      return true;
    }

    static void on_cancel(CancelRegistration& registration) noexcept {
      auto& wait = static_cast<Waiting&>(registration);
      detail::LockGuard guard(wait.condition_.lock_);
      // Notified already: the mutex is on its way.
      if (!wait.waits_) return;
      wait.condition_.waiters_.remove(wait);
      wait.waits_ = false;
      wait.cancelled_ = true;
      guard.unlock();
      wait.mutex_.pass_to(wait);
    }

    Condition& condition_;
    Mutex& mutex_;
    CancelToken token_;
    // Both belong to the condition's lock. The waiter's own state tells of either queue.
    detail::Guarded<bool> waits_ = false;
    detail::Guarded<bool> cancelled_ = false;
  };

  Condition() = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  ~Condition() { QUOLL_ASSERT(waiters_.empty()); }

  /// `co_await condition.wait(guard, token)`: `Result<void, WaitError>`; `guard` holds after it in
  /// any case. A token that is cancelled before ends it at once, and the mutex is not let go.
  /// *Requires*: `guard` holds, and is not moved or dropped meanwhile.
  Waiting wait(Mutex::Guard& guard, CancelToken token = {}) noexcept {
    return {*this, guard.mutex(), token};
  }

  /// The task that has waited longest goes on as soon as it has its mutex.
  void notify_one() noexcept {
    detail::LockGuard guard(lock_);
    Waiter* const waiter = waiters_.pop_front(WaitState::kWoken);
    if (waiter == nullptr) return;
    Waiting& waiting = Waiting::of(*waiter);
    waiting.waits_ = false;
    guard.unlock();
    waiting.mutex_.pass_to(*waiter);
  }
  /// All that wait now go on, one after the other.
  void notify_all() noexcept {
    detail::LockGuard guard(lock_);
    Waiter* next = waiters_.take_all(WaitState::kWoken);
    for (Waiter* waiter = next; waiter != nullptr; waiter = waiter->next) {
      Waiting::of(*waiter).waits_ = false;
    }
    guard.unlock();
    while (next != nullptr) {
      Waiter& waiter = *next;
      next = waiter.next;
      Waiting::of(waiter).mutex_.pass_to(waiter);
    }
  }

 private:
  detail::Lock lock_;
  WaitList waiters_;
};

}  // namespace quoll::async
