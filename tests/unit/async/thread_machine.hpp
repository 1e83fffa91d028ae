// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// An executor's machine made of threads.
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <quoll/async/executor.hpp>

namespace quoll::async::testing {

inline thread_local std::size_t this_hart = 0;

class ThreadMachine {
 public:
  static constexpr std::size_t kMaxHarts = 8;
  std::size_t hart() const noexcept { return this_hart; }
  bool in_interrupt() const noexcept { return false; }
  Ticks now() const noexcept { return clock_.load(); }
  void set_deadline(Ticks deadline) noexcept { parkers_[this_hart].deadline = deadline; }
  void park(bool (*may_sleep)(void*), void* argument) {
    Parker& parker = parkers_[this_hart];
    std::unique_lock lock(parker.mutex);
    // The clock is the tests' own: it jumps to a deadline when a hart would sleep for one.
    if (parker.deadline != kNever) {
      Ticks seen = clock_.load();
      while (seen < parker.deadline && !clock_.compare_exchange_weak(seen, parker.deadline)) {
      }
      return;
    }
    sleeping_.fetch_add(1);
    while (!parker.woken && may_sleep(argument)) parker.changed.wait(lock);
    sleeping_.fetch_sub(1);
    parker.woken = false;
  }
  void wake(std::size_t hart) {
    Parker& parker = parkers_[hart];
    const std::lock_guard lock(parker.mutex);
    parker.woken = true;
    wakes_.fetch_add(1);
    parker.changed.notify_one();
  }
  void before_suspend(TaskHeader&) noexcept {}
  std::uint64_t wakes() const { return wakes_.load(); }
  /// Harts that sleep without a deadline.
  unsigned sleeping() const { return sleeping_.load(); }

 private:
  struct Parker {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
    Ticks deadline = kNever;
  };
  std::array<Parker, kMaxHarts> parkers_;
  std::atomic<Ticks> clock_{0};
  std::atomic<std::uint64_t> wakes_{0};
  std::atomic<unsigned> sleeping_{0};
};

/// Runs one task, and all that it spawns, on some harts until it ends.
class World {
 public:
  World() : executor_(machine_, harts_) {}
  Executor<ThreadMachine>& executor() { return executor_; }
  ThreadMachine& machine() { return machine_; }

  /// *Requires*: called once.
  bool run(std::size_t harts, Task<void> task) {
    this_hart = 0;
    auto handle = executor_.spawn(main(std::move(task)));
    if (!handle) return false;
    handle->detach();
    std::vector<std::thread> threads;
    for (std::size_t hart = 1; hart < harts; ++hart) {
      threads.emplace_back([this, hart] {
        this_hart = hart;
        executor_.run();
      });
    }
    executor_.run();
    for (auto& thread : threads) thread.join();
    return finished_;
  }

 private:
  Task<void> main(Task<void> task) {
    finished_ = (co_await std::move(task).checked()).has_value();
    // Others count themselves out just after they have woken us.
    while (executor_.task_count() > 1) co_await yield_now();
    executor_.stop();
  }
  ThreadMachine machine_;
  std::array<Executor<ThreadMachine>::Hart, ThreadMachine::kMaxHarts> harts_;
  Executor<ThreadMachine> executor_;
  bool finished_ = false;
};

}  // namespace quoll::async::testing
