// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Timers of one hart: an intrusive pairing heap, earliest deadline first.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include <quoll/async/wait_queue.hpp>

namespace quoll::async {

/// Ticks of the machine's monotonic clock.
using Ticks = std::uint64_t;
/// A deadline that never comes.
inline constexpr Ticks kNever = std::numeric_limits<Ticks>::max();

/// One deadline. Every field belongs to the queue's lock.
struct Timer {
  Ticks deadline = kNever;
  Timer* child = nullptr;
  Timer* sibling = nullptr;
  /// The parent for a first child, the elder sibling for the others.
  Timer* before = nullptr;
  /// Called under the queue's lock when the deadline has come; the timer is out of the queue.
  void (*fire)(Timer&) noexcept = nullptr;
  bool queued = false;
};

/// The timers that one hart serves. Insertion is O(1), removal and expiry O(log n) amortised.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// The earliest deadline; may be early after a removal on another hart, never late.
  Ticks next_deadline() const noexcept { return next_.load(std::memory_order_acquire); }

  /// Fires every timer whose deadline is not after `now`. *Context*: the hart that owns the queue.
  void expire(Ticks now) noexcept;

  detail::Lock& lock() noexcept { return lock_; }
  void insert_locked(Timer& timer) noexcept;
  void remove_locked(Timer& timer) noexcept;

 private:
  static Timer* meld(Timer* a, Timer* b) noexcept;
  static Timer* merge_children(Timer* first) noexcept;
  void root_changed() noexcept;

  detail::Lock lock_;
  Timer* root_ = nullptr;
  std::atomic<Ticks> next_{kNever};
};

namespace detail {

/// Waits for a deadline or a cancellation.
class Sleep : private Timer, private CancelRegistration {
 public:
  Sleep(Ticks until, CancelToken token) noexcept : token_(token) {
    deadline = until;
    fire = [](Timer& timer) noexcept {
      auto& sleep = static_cast<Sleep&>(timer);
      sleep.state_ = WaitState::kWoken;
      sleep.task_->wake();
    };
  }

  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  [[gnu::always_inline]] bool await_suspend(std::coroutine_handle<P> handle) noexcept {
    handle.promise().suspend_here();
    return suspend(*handle.promise().task(), handle);
  }
  base::Result<void, WaitError> await_resume() noexcept {
    disarm();
    return wait_result(state_);
  }

 private:
  bool suspend(TaskHeader& task, std::coroutine_handle<> handle) noexcept {
    task_ = &task;
    task_->suspend_at(handle);
    TimerQueue& queue = task_->scheduler().timers();
    queue_ = &queue;
    if (!arm(token_, &Sleep::on_cancel)) {
      state_ = WaitState::kCancelled;
      return false;
    }
    LockGuard guard(queue.lock());
    if (state_ == WaitState::kCancelled) return false;
    state_ = WaitState::kQueued;
    queue.insert_locked(*this);
    return true;
  }

  static void on_cancel(CancelRegistration& registration) noexcept {
    auto& sleep = static_cast<Sleep&>(registration);
    LockGuard guard(sleep.queue_->lock());
    if (sleep.state_ == WaitState::kIdle) {
      sleep.state_ = WaitState::kCancelled;
    } else if (sleep.state_ == WaitState::kQueued) {
      sleep.queue_->remove_locked(sleep);
      sleep.state_ = WaitState::kCancelled;
      TaskHeader& sleeper = *sleep.task_;
      guard.unlock();
      sleeper.wake();
    }
  }

  CancelToken token_;
  TimerQueue* queue_ = nullptr;
  TaskHeader* task_ = nullptr;
  WaitState state_ = WaitState::kIdle;
};

}  // namespace detail

/// Sets an event when a deadline comes: a wait for several things gets its time limit this way.
class Alarm : private Timer {
 public:
  /// *Requires*: the event outlives the alarm.
  explicit Alarm(Event& event) noexcept : event_(event) {
    fire = [](Timer& timer) noexcept { static_cast<Alarm&>(timer).event_.set(); };
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { disarm(); }

  /// *Requires*: it is not armed. *Context*: a task, on the hart whose timers these are.
  void arm(TimerQueue& queue, Ticks at) noexcept {
    queue_ = &queue;
    deadline = at;
    detail::LockGuard guard(queue.lock());
    queue.insert_locked(*this);
  }
  /// Once this returns the alarm does not go off any more.
  void disarm() noexcept {
    if (queue_ == nullptr) return;
    detail::LockGuard guard(queue_->lock());
    if (queued) queue_->remove_locked(*this);
    queue_ = nullptr;
  }

 private:
  Event& event_;
  TimerQueue* queue_ = nullptr;
};

/// `co_await sleep_until(deadline, token)`: `Result<void, WaitError>`.
inline detail::Sleep sleep_until(Ticks deadline, CancelToken token = {}) noexcept {
  return detail::Sleep(deadline, token);
}

}  // namespace quoll::async
