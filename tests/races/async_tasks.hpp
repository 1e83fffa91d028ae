// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tasks in a model: the explorer's threads are harts, which take whatever task is runnable. So a
// task that was woken goes on at once on another hart, while the one where it began to wait has not
// left its `co_await` yet. The executor's queues have models of their own; this one is a semaphore
// and a list, and a hart that waits for a wake which never comes is a deadlock that is reported.
#pragma once

#include "async_words.hpp"
// After the words.
#include <relacy/stdlib/semaphore.hpp>

#include <quoll/async/join.hpp>

namespace quoll::races {

using async::CancelSource;
using async::CancelToken;
using async::JoinHandle;
using async::Task;
using async::TaskHeader;
using async::WaitError;

/// What all harts of a model share.
class Harts final : public async::Scheduler {
 public:
  explicit Harts(unsigned harts) : harts_(harts) {
    HeldLocks::clear();
    ready_.init(false, 0, 64, info_of(Where::current()));
  }
  Harts(const Harts&) = delete;
  Harts& operator=(const Harts&) = delete;
  ~Harts() { ready_.deinit(info_of(Where::current())); }

  /// Tasks that a model starts before its harts do, or one of its tasks.
  template <typename T>
  JoinHandle<T> spawn(Task<T> task) {
    auto handle = async::spawn(*this, std::move(task));
    require(handle.has_value(), "there is memory for a task");
    return std::move(*handle);
  }
  /// One hart, until all tasks have ended.
  void run() {
    while (left_ != 0) {
      ready_.wait(false, false, info_of(Where::current()));
      TaskHeader* const task = take();
      if (task != nullptr) task->resume();
    }
  }
  bool all_ended() const { return left_ == 0; }

  void schedule(TaskHeader& task) noexcept override {
    require(!HeldLocks::holds_lock_of_list(), "wakes come after the unlock");
    {
      const Uninterrupted guard;
      for (std::size_t i = first_; i != end_; ++i) {
        require(queue_[i % kSlots].task != &task, "a task is woken once");
      }
      Slot& slot = queue_[end_++ % kSlots];
      slot.task = &task;
      // What a queue orders: what comes before the wake is seen by whoever takes the task.
      (void)slot.order.exchange(1, std::memory_order_release);
    }
    ready_.signal(info_of(Where::current()));
  }
  void start(TaskHeader& task) noexcept override {
    {
      const Uninterrupted guard;
      ++left_;
    }
    schedule(task);
  }
  std::coroutine_handle<> yield(TaskHeader& task) noexcept override {
    schedule(task);
    return std::noop_coroutine();
  }
  void before_suspend(TaskHeader&) noexcept override {}
  async::TimerWheel& timers() noexcept override {
    if (wheel_ == nullptr) std::abort();
    return *wheel_;
  }
  /// What the tasks' timers are, in models that have some.
  void set_timers(async::TimerWheel& wheel) { wheel_ = &wheel; }
  std::coroutine_handle<> task_ended() noexcept override {
    {
      const Uninterrupted guard;
      if (--left_ != 0) return std::noop_coroutine();
    }
    for (unsigned hart = 0; hart < harts_; ++hart) {
      ready_.signal(info_of(Where::current()));
    }
    return std::noop_coroutine();
  }

 private:
  static constexpr std::size_t kSlots = 8;
  struct Slot {
    TaskHeader* task = nullptr;
    Atomic<unsigned, 99> order{0};
  };

  TaskHeader* take() {
    const Uninterrupted guard;
    if (first_ == end_) return nullptr;
    Slot& slot = queue_[first_++ % kSlots];
    (void)slot.order.exchange(0, std::memory_order_acquire);
    return slot.task;
  }

  rl::semaphore<Harts> ready_;
  std::array<Slot, kSlots> queue_;
  const unsigned harts_;
  async::TimerWheel* wheel_ = nullptr;
  // As if a lock held them: no hart is interrupted here.
  std::size_t first_ = 0;
  std::size_t end_ = 0;
  std::size_t left_ = 0;
};

/// Tasks on some harts, and a source that one of them cancels.
template <unsigned kHarts>
struct Cancelling {
  Harts harts{kHarts};
  CancelSource source;

  void thread(unsigned) { harts.run(); }
  Task<void> cancel() {
    source.cancel();
    co_return;
  }
  /// Cancels, and goes on as `task`: one task less to try the orders of.
  Task<void> cancel_and(Task<void> task) {
    source.cancel();
    require((co_await std::move(task).checked()).has_value(), "there is memory for a task");
  }
};

/// What a task holds alone: two at once, or one after the other with nothing in between, break it.
class Exclusive {
 public:
  void use() {
    require(!is_used_, "one task at a time");
    is_used_ = true;
    content_ = content_ + 1;
    is_used_ = false;
  }
  unsigned uses() const { return content_; }

 private:
  bool is_used_ = false;
  GuardedWord<unsigned> content_ = 0U;
};

}  // namespace quoll::races

namespace quoll::base {

/// No task of a model panics.
// NOLINTNEXTLINE(misc-definitions-in-headers): a program of models is one translation unit
void continue_panic() {
  std::abort();
}

}  // namespace quoll::base
