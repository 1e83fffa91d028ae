// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signal: how an interrupt handler wakes a task. Lock-free, one waiter, remembers one event.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// A latch with at most one waiter. `set` between two waits is remembered, so the loop
/// "wait, handle all there is, wait" cannot lose an event.
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Wakes the waiter, or lets the next wait return at once. *Context*: any.
  void set() noexcept {
    std::uintptr_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
      const std::uintptr_t next = seen <= kSet ? kSet : kEmpty;
      if (state_.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                       std::memory_order_relaxed)) {
        break;
      }
    }
    // SAFETY: values above kSet are only ever put there by Waiting, from a TaskHeader*.
    if (seen > kSet) reinterpret_cast<TaskHeader*>(seen)->wake();
  }

  class Waiting : private CancelRegistration {
   public:
    Waiting(Signal& signal, CancelToken token) noexcept : signal_(signal), token_(token) {}
    bool await_ready() noexcept { return signal_.take(); }
    template <TaskPromise P>
    [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<P> handle) noexcept {
      return detail::suspend_task(handle, [this](TaskHeader& task) { return suspend(task); });
    }
    base::Result<void, WaitError> await_resume() noexcept {
      disarm();
      if (cancelled_) return base::err(WaitError::kCancelled);
      return {};
    }

   private:
    bool suspend(TaskHeader& task) noexcept {
      task_ = &task;
      // SAFETY: only compared with, and cast back to, what it is.
      const auto self = reinterpret_cast<std::uintptr_t>(task_);
      Signal& signal = signal_;
      bool published = false;
      // Published under the token's lock: a cancellation finds the waiter there, or comes too
      // early to be linked. Once published, this awaiter may be gone: only locals from there on.
      const bool armed = arm(token_, &Waiting::on_cancel, [&signal, &published, self] {
        std::uintptr_t expected = kEmpty;
        // What a setter published is acquired below, when it was first.
        published = signal.state_.compare_exchange_strong(expected, self, std::memory_order_release,
                                                          std::memory_order_relaxed);
        QUOLL_ASSERT(published || expected == kSet);
      });
      if (!armed) {
        cancelled_ = true;
        return false;
      }
      if (published) return true;
      // Acquires what later setters published: their events are served by this very return.
      signal.state_.exchange(kEmpty, std::memory_order_acquire);
      return false;
    }

    static void on_cancel(CancelRegistration& registration) noexcept {
      auto& wait = static_cast<Waiting&>(registration);
      TaskHeader* const task = wait.task_;
      // SAFETY: only compared with what `await_suspend` stored.
      auto expected = reinterpret_cast<std::uintptr_t>(task);
      // Nothing goes with it: what the waiter wrote came under the token's lock, which is held.
      if (wait.signal_.state_.compare_exchange_strong(expected, kEmpty, std::memory_order_relaxed,
                                                      std::memory_order_relaxed)) {
        wait.cancelled_ = true;
        task->wake();
      }
    }

    Signal& signal_;
    CancelToken token_;
    TaskHeader* task_ = nullptr;
    detail::Guarded<bool> cancelled_ = false;
  };

  /// `co_await signal.wait(token)`: `Result<void, WaitError>`. *Requires*: one waiter at a time.
  Waiting wait(CancelToken token = {}) noexcept { return Waiting(*this, token); }

 private:
  static constexpr std::uintptr_t kEmpty = 0;
  static constexpr std::uintptr_t kSet = 1;

  bool take() noexcept {
    std::uintptr_t expected = kSet;
    return state_.compare_exchange_strong(expected, kEmpty, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  detail::Atomic<std::uintptr_t> state_{kEmpty};
};

}  // namespace quoll::async
