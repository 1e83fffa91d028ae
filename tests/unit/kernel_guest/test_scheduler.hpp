// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A scheduler of one thread for tests: tasks run when the test says so, time is what it says.
#pragma once

#include <deque>
#include <gtest/gtest.h>
#include <optional>
#include <utility>

#include <quoll/async/join.hpp>
#include <quoll/async/timer.hpp>

namespace quoll::test {

class TestScheduler final : public async::Scheduler {
 public:
  void schedule(async::TaskHeader& task) noexcept override { ready_.push_back(&task); }
  std::coroutine_handle<> yield(async::TaskHeader& task) noexcept override {
    ready_.push_back(&task);
    return std::noop_coroutine();
  }
  void before_suspend(async::TaskHeader&) noexcept override {}
  async::TimerWheel& timers() noexcept override { return timers_; }
  std::coroutine_handle<> task_ended() noexcept override { return std::noop_coroutine(); }

  /// Runs until every task waits.
  void run() {
    while (!ready_.empty()) {
      async::TaskHeader* const task = ready_.front();
      ready_.pop_front();
      task->resume();
    }
  }
  /// Wakes what is due, and runs.
  void advance_to(async::Ticks now) {
    timers_.expire(now);
    run();
  }

 private:
  std::deque<async::TaskHeader*> ready_;
  async::TimerWheel timers_;
};

/// A coroutine under test, and its result once it has one.
template <typename T>
class Running {
 public:
  Running(TestScheduler& scheduler, async::Task<T> task)
      : handle_(*async::spawn(scheduler, keep(std::move(task), result_))) {
    scheduler.run();
  }
  bool done() const { return result_.has_value(); }
  const T& result() const {
    EXPECT_TRUE(done());
    return *result_;
  }

 private:
  static async::Task<void> keep(async::Task<T> task, std::optional<T>& result) {
    auto value = co_await std::move(task);
    result.emplace(std::move(value));
  }
  std::optional<T> result_;
  async::JoinHandle<void> handle_;
};

}  // namespace quoll::test
