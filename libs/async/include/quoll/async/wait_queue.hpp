// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// WaitQueue: tasks that wait for a condition which somebody else makes true.
#pragma once

#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// A FIFO of tasks that wait for a condition. No wake is lost: the condition is looked at under
/// the queue's lock, so whoever makes it true and then wakes either was seen or sees the waiter.
///
///     const auto waited = co_await queue.wait_unless([&] { return ready.load(); }, token);
class WaitQueue {
 public:
  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  ~WaitQueue() { QUOLL_ASSERT(list_.empty()); }

  /// `kAnytime`: the condition may be asked without the lock, too.
  template <typename Condition, bool kAnytime = false>
  class WaitUnless : public detail::WaitBase<WaitUnless<Condition, kAnytime>> {
   public:
    WaitUnless(WaitQueue& queue, CancelToken token, Condition condition) noexcept
        : detail::WaitBase<WaitUnless>(queue.lock_, queue.list_, token),
          condition_(std::move(condition)) {}
    base::Result<void, WaitError> await_resume() noexcept {
      return detail::wait_result(this->finish());
    }
    WaitState try_now_locked() noexcept {
      return condition_() ? WaitState::kWoken : WaitState::kIdle;
    }
    bool may_be_ready() const noexcept
      requires kAnytime
    {
      return condition_();
    }

   private:
    Condition condition_;
  };

  /// Waits for a wake unless `condition()` holds. A woken task looks at its condition again.
  template <typename Condition>
  WaitUnless<Condition> wait_unless(Condition condition, CancelToken token = {}) noexcept {
    return WaitUnless<Condition>(*this, token, std::move(condition));
  }

  /// Wakes the task that has waited longest; false when none waits.
  bool wake_one() noexcept {
    return wake_one_or([] {});
  }

  /// As `wake_one`; when none waits, runs `otherwise` under the lock instead.
  template <typename F>
  bool wake_one_or(F otherwise) noexcept {
    detail::LockGuard guard(lock_);
    Waiter* const waiter = list_.pop_front(WaitState::kWoken);
    if (waiter == nullptr) {
      otherwise();
      return false;
    }
    TaskHeader& task = *waiter->task;
    guard.unlock();
    task.wake();
    return true;
  }

  /// Wakes all that wait now, in their order.
  void wake_all() noexcept {
    detail::end_all(lock_, list_, WaitState::kWoken, [] {});
  }
  /// As `wake_all`, with `change` made under the lock just before.
  template <typename F>
  void wake_all_after(F change) noexcept {
    detail::end_all(lock_, list_, WaitState::kWoken, change);
  }
  /// Ends all waits with `WaitError::kClosed`.
  void close_all() noexcept {
    detail::end_all(lock_, list_, WaitState::kClosed, [] {});
  }

 private:
  detail::Lock lock_;
  WaitList list_;
};

/// A flag to wait for; stays set until `reset`.
class Event {
 public:
  bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }
  void set() noexcept {
    // Under the lock: a waiter that sees the flag may destroy the event at once.
    queue_.wake_all_after([this] { set_.store(true, std::memory_order_release); });
  }
  /// Nobody learns anything from a flag that is not set: no order goes with it.
  void reset() noexcept { set_.store(false, std::memory_order_relaxed); }
  /// `co_await event.wait(token)`: `Result<void, WaitError>`.
  auto wait(CancelToken token = {}) noexcept {
    const auto is_now_set = [this] { return is_set(); };
    return WaitQueue::WaitUnless<decltype(is_now_set), true>(queue_, token, is_now_set);
  }

 private:
  detail::Atomic<bool> set_{false};
  WaitQueue queue_;
};

}  // namespace quoll::async
