// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The one awaiter under every primitive: try under the lock, else queue; end by a wake or by a
// token, whichever wins the lock.
#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include <quoll/async/cancel.hpp>
#include <quoll/async/task.hpp>
#include <quoll/async/wait_list.hpp>
#include <quoll/base/result.hpp>

namespace quoll::async {

/// Why a wait ended without what it waited for.
enum class WaitError : std::uint8_t {
  kCancelled,    ///< its token was cancelled
  kClosed,       ///< the other side went away
  kOutOfMemory,  ///< a coroutine on the way could not be made
  kPanicked,     ///< for joins: a panic has ended the task
};

namespace detail {

/// Wakes every waiter of a list that was taken out of its primitive. The marks are set, so no
/// cancellation touches it; the primitive itself may be gone after the first wake.
inline void wake_taken(Waiter* first) noexcept {
  while (first != nullptr) {
    Waiter* const next = first->next;
    first->task->wake();
    first = next;
  }
}

/// Ends all waits of a list in their order, with `change` made under its lock just before.
template <typename Change>
void end_all(Lock& lock, WaitList& list, WaitState outcome, Change change) noexcept {
  LockGuard guard(lock);
  change();
  Waiter* const all = list.take_all(outcome);
  guard.unlock();
  wake_taken(all);
}

/// Waits in `list` until somebody takes the waiter out. `Derived::try_now_locked()` answers under
/// the lock whether there is no need to; its `WaitState` (kIdle: keep waiting) is the outcome.
///
/// A cancellation that arrives before the waiter is queued finds it idle and marks it; one that
/// arrives after finds it queued and takes it out; one that comes after a wake finds neither and
/// does nothing. Exactly one party schedules the task.
///
/// A `Derived` that knows without the lock that it will wait most likely says so in
/// `may_be_ready()`. One that counts who waits has `queued_locked()`; one where others may go on
/// when this one gives up has `withdrawn_locked()`, which takes them out.
template <typename Derived>
class WaitBase : protected Waiter, private CancelRegistration {
 public:
  WaitBase(Lock& lock, WaitList& list, CancelToken token) noexcept
      : lock_(lock), list_(list), token_(token) {}

  bool await_ready() noexcept {
    if constexpr (requires { self().may_be_ready(); }) {
      if (!self().may_be_ready()) return false;
    }
    LockGuard guard(lock_);
    state = self().try_now_locked();
    if (state == WaitState::kIdle) return false;
    guard.unlock();
    wake_taken(taken_);
    return true;
  }

  template <TaskPromise P>
  [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<P> handle) noexcept {
    return suspend_task(handle, [this](TaskHeader& header) { return suspend(header); });
  }

 protected:
  /// How the wait ended; no callback runs from here on.
  WaitState finish() noexcept {
    disarm();
    return state;
  }
  /// Has a waiter that was taken out, and those chained to it, woken once the lock is free: they
  /// may destroy the primitive as soon as they run.
  void wake_after_unlock(Waiter* taken) noexcept { taken_ = taken; }

 private:
  bool suspend(TaskHeader& header) noexcept {
    task = &header;
    if (!arm(token_, &WaitBase::on_cancel)) {
      state = WaitState::kCancelled;
      return false;
    }
    LockGuard guard(lock_);
    if (state == WaitState::kCancelled) return false;
    state = self().try_now_locked();
    if (state == WaitState::kIdle) {
      list_.push_back(*this);
      if constexpr (requires { self().queued_locked(); }) self().queued_locked();
      // From the unlock on, another hart may be running this coroutine: touch nothing of it.
      return true;
    }
    guard.unlock();
    wake_taken(taken_);
    return false;
  }

  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  static void on_cancel(CancelRegistration& registration) noexcept {
    auto& wait = static_cast<WaitBase&>(registration);
    LockGuard guard(wait.lock_);
    if (wait.state == WaitState::kIdle) {
      wait.state = WaitState::kCancelled;
    } else if (wait.state == WaitState::kQueued) {
      wait.list_.remove(wait);
      wait.state = WaitState::kCancelled;
      TaskHeader& task = *wait.task;
      Waiter* others = nullptr;
      if constexpr (requires { wait.self().withdrawn_locked(); }) {
        others = wait.self().withdrawn_locked();
      }
      guard.unlock();
      wake_taken(others);
      // SAFETY: the awaiter cannot go before `disarm`, which waits for this callback's end.
      task.wake();
    }
  }

  Lock& lock_;
  WaitList& list_;
  CancelToken token_;
  Waiter* taken_ = nullptr;
};

inline base::Result<void, WaitError> wait_result(WaitState state) {
  if (state == WaitState::kWoken) return {};
  return base::err(state == WaitState::kCancelled ? WaitError::kCancelled : WaitError::kClosed);
}

}  // namespace detail
}  // namespace quoll::async
