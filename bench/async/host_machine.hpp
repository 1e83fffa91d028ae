// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// An executor's machine made of threads that are in earnest: the clock is the system's, as
// fast as the board's and beginning at 0, and a hart that has nothing to do looks around for some
// microseconds before it sleeps.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

#include <quoll/async/executor.hpp>

namespace quoll::bench {

inline thread_local std::size_t this_hart = 0;

/// Satisfies `async::ExecutorMachine`.
class HostMachine {
 public:
  static constexpr std::size_t kMaxHarts = 8;

  std::size_t hart() const noexcept { return this_hart; }
  bool in_interrupt() const noexcept { return false; }
  async::Ticks now() const noexcept { return nanoseconds() / kTick - start_; }
  void set_deadline(async::Ticks deadline) noexcept { parkers_[this_hart].deadline = deadline; }

  void park(bool (*may_sleep)(void*), void* argument) noexcept {
    Parker& parker = parkers_[this_hart];
    for (unsigned look = 0; look < kLooks; ++look) {
      if (parker.state.load(std::memory_order_acquire) == kWoken) break;
      __builtin_ia32_pause();
    }
    std::uint32_t seen = kAwake;
    if (parker.state.compare_exchange_strong(seen, kAsleep) && may_sleep(argument)) {
      sleep(parker);
    }
    parker.state.store(kAwake);
  }
  void wake(std::size_t hart) noexcept {
    Parker& parker = parkers_[hart];
    if (parker.state.exchange(kWoken) == kAsleep) {
      syscall(SYS_futex, &parker.state, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }
  void before_suspend(async::TaskHeader&) noexcept {}

  static constexpr async::Ticks kTicksPerSecond = 10'000'000;

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;
  static constexpr std::uint64_t kTick = kSecond / kTicksPerSecond;
  static constexpr unsigned kLooks = 200;
  static constexpr std::uint32_t kAwake = 0;
  static constexpr std::uint32_t kAsleep = 1;
  static constexpr std::uint32_t kWoken = 2;

  struct alignas(64) Parker {
    std::atomic<std::uint32_t> state{kAwake};
    async::Ticks deadline = async::kNever;
  };
  static_assert(sizeof(std::atomic<std::uint32_t>) == 4);

  static std::uint64_t nanoseconds() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * kSecond +
           static_cast<std::uint64_t>(now.tv_nsec);
  }

  void sleep(Parker& parker) noexcept {
    timespec left{};
    const bool is_timed = parker.deadline != async::kNever;
    if (is_timed) {
      const async::Ticks now = this->now();
      if (parker.deadline <= now) return;
      left.tv_sec = static_cast<time_t>((parker.deadline - now) / kTicksPerSecond);
      left.tv_nsec = static_cast<long>((parker.deadline - now) % kTicksPerSecond * kTick);
    }
    // What ends it without reason is an end like any other: the executor looks again.
    syscall(SYS_futex, &parker.state, FUTEX_WAIT_PRIVATE, kAsleep, is_timed ? &left : nullptr,
            nullptr, 0);
  }

  std::array<Parker, kMaxHarts> parkers_;
  const std::uint64_t start_ = nanoseconds() / kTick;
};

/// An executor over some threads, that runs one task and what this one spawns.
class HostWorld {
 public:
  HostWorld() : executor_(machine_, harts_) {}
  async::Executor<HostMachine>& executor() noexcept { return executor_; }
  HostMachine& machine() noexcept { return machine_; }

  /// False when there was no memory. *Requires*: called once.
  bool run(std::size_t harts, async::Task<void> task) {
    this_hart = 0;
    auto handle = executor_.spawn(until_end(std::move(task)));
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
    for (std::thread& thread : threads) thread.join();
    return done_;
  }

 private:
  async::Task<void> until_end(async::Task<void> task) {
    done_ = (co_await std::move(task).checked()).has_value();
    // Others count themselves out just after they have woken us.
    while (executor_.task_count() > 1) co_await async::yield_now();
    executor_.stop();
  }

  HostMachine machine_;
  std::array<async::Executor<HostMachine>::Hart, HostMachine::kMaxHarts> harts_;
  async::Executor<HostMachine> executor_;
  bool done_ = false;
};

}  // namespace quoll::bench
