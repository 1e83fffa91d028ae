// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waiting for a time.
#pragma once

#include <cstdint>

#include <quoll/async/timer_wheel.hpp>
#include <quoll/async/wait_queue.hpp>

namespace quoll::async {

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
  [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<P> handle) noexcept {
    return suspend_task(handle, [this](TaskHeader& task) { return suspend(task); });
  }
  base::Result<void, WaitError> await_resume() noexcept {
    disarm();
    return wait_result(state_);
  }

 private:
  bool suspend(TaskHeader& task) noexcept {
    task_ = &task;
    TimerWheel& queue = task_->scheduler().timers();
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
  TimerWheel* queue_ = nullptr;
  TaskHeader* task_ = nullptr;
  Guarded<WaitState> state_ = WaitState::kIdle;
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
  void arm(TimerWheel& queue, Ticks at) noexcept {
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
  TimerWheel* queue_ = nullptr;
};

/// `co_await sleep_until(deadline, token)`: `Result<void, WaitError>`.
inline detail::Sleep sleep_until(Ticks deadline, CancelToken token = {}) noexcept {
  return detail::Sleep(deadline, token);
}

/// Times at equal distances: a task that is late for one does not shift those that follow.
///
///     Interval interval(now, period);
///     while (const auto passed = co_await interval.next(now(), token)) { ... }
class Interval {
 public:
  /// The first time is one period after `start`. *Requires*: the period is not 0.
  Interval(Ticks start, Ticks period) noexcept : next_(start), period_(period) {
    QUOLL_ASSERT(period != 0);
  }

  class Next : private detail::Sleep {
   public:
    Next(Ticks until, std::uint64_t periods, CancelToken token) noexcept
        : Sleep(until, token), periods_(periods) {}
    using Sleep::await_ready;
    using Sleep::await_suspend;
    base::Result<std::uint64_t, WaitError> await_resume() noexcept {
      const auto slept = Sleep::await_resume();
      if (!slept) return base::err(slept.error());
      return periods_;
    }

   private:
    std::uint64_t periods_;
  };

  /// `co_await`: until the next time after `now`; how many periods have gone by since the one
  /// before, 1 for a task that keeps up. A time past the end of the clock never comes.
  Next next(Ticks now, CancelToken token = {}) noexcept {
    const Ticks late = now > next_ ? now - next_ : 0;
    const std::uint64_t periods = late / period_ + 1;
    const Ticks ahead = kNever - next_;
    next_ = periods > ahead / period_ ? kNever : next_ + periods * period_;
    return Next(next_, periods, token);
  }

 private:
  Ticks next_;
  Ticks period_;
};

}  // namespace quoll::async
