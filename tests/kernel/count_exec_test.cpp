// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the executor costs on one hart, in instructions; means over many times.
#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include <quoll/async/executor.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "count_support.hpp"

namespace quoll::exec {
namespace {

using vm::counts::can_count;

constexpr std::uint64_t kTimes = 1000;

void tell(std::string_view name, std::uint64_t count) noexcept {
  vm::counts::tell_of("exec", name, count);
}

async::Task<void> nothing() {
  co_return;
}

KTEST_TASK(Counts, SpawnAndJoin) {
  if (!can_count()) co_return;
  for (unsigned round = 0; round < 2; ++round) {
    const std::uint64_t begun = arch::read_instructions();
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      auto handle = spawn(nothing());
      CO_ASSERT_TRUE(handle.has_value() && (co_await handle->join()).has_value());
    }
    const std::uint64_t all = arch::read_instructions() - begun;
    // The first round fills the heap's caches.
    if (round == 1) tell("spawn_join", all / kTimes);
  }
}

async::Task<void> yield_often() {
  for (std::uint64_t i = 0; i < kTimes; ++i) co_await yield_now();
}

KTEST_TASK(Counts, Switch) {
  if (!can_count()) co_return;
  auto other = spawn(yield_often());
  CO_ASSERT_TRUE(other.has_value());
  const std::uint64_t begun = arch::read_instructions();
  for (std::uint64_t i = 0; i < kTimes; ++i) co_await yield_now();
  tell("switch", (arch::read_instructions() - begun) / (2 * kTimes));
  CO_ASSERT_TRUE((co_await other->join()).has_value());
}

async::Task<void> answer(async::Event& asked, async::Event& answered) {
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    if (!co_await asked.wait()) co_return;
    asked.reset();
    answered.set();
  }
}

// From the wake of a task to its going on, on the same hart; the wait that it wakes from included.
KTEST_TASK(Counts, Wake) {
  if (!can_count()) co_return;
  async::Event asked;
  async::Event answered;
  auto other = spawn(answer(asked, answered));
  CO_ASSERT_TRUE(other.has_value());
  const std::uint64_t begun = arch::read_instructions();
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    asked.set();
    CO_ASSERT_TRUE((co_await answered.wait()).has_value());
    answered.reset();
  }
  tell("wake", (arch::read_instructions() - begun) / (2 * kTimes));
  CO_ASSERT_TRUE((co_await other->join()).has_value());
}

/// Two harts of an executor of its own, played by one; counts from one task's stop to the next.
class TwoHarts {
 public:
  static constexpr std::size_t kMaxHarts = 2;

  std::size_t hart() const noexcept { return self; }
  bool in_interrupt() const noexcept { return false; }
  async::Ticks now() const noexcept { return 0; }
  void set_deadline(async::Ticks) noexcept {}
  void park(bool (*)(void*), void*) noexcept {}
  void wake(std::size_t) noexcept {}
  void before_suspend(async::TaskHeader&) noexcept {}
  void on_spawn(const async::TaskHeader&) noexcept {}
  void on_wake(const async::TaskHeader&, async::WakeCause) noexcept {}
  void on_run(const async::TaskHeader&) noexcept { between = arch::read_instructions() - stopped; }
  void on_stop(async::StopCause) noexcept { stopped = arch::read_instructions(); }
  void on_switch(async::StopCause, const async::TaskHeader&) noexcept {}
  bool wants_attention() const noexcept { return false; }
  void*& slot() noexcept { return slots[self]; }

  std::size_t self = 0;
  std::array<void*, kMaxHarts> slots{};
  std::uint64_t stopped = 0;
  std::uint64_t between = 0;
};

static_assert(async::WatchingMachine<TwoHarts> && async::RememberingMachine<TwoHarts>);

struct Theft {
  using Executor = async::Executor<TwoHarts>;
  TwoHarts machine;
  std::array<Executor::Hart, 2> harts;
  Executor executor{machine, harts};
  std::size_t ran_on = TwoHarts::kMaxHarts;
  std::uint64_t count = 0;
};
async::Task<void> be_stolen(Theft& theft) {
  theft.count = theft.machine.between;
  theft.ran_on = theft.machine.self;
  theft.executor.stop();
  co_return;
}
/// On hart 0, for as long as hart 1 runs what it has and then what hart 0 has.
async::Task<void> leave_to_thief(Theft& theft) {
  const bool is_there = theft.executor.spawn(be_stolen(theft)).has_value();
  theft.machine.self = 1;
  if (is_there && theft.executor.spawn(nothing())) theft.executor.run();
  theft.machine.self = 0;
  theft.executor.stop();
  co_return;
}

// From the end of a hart's own last task to the one that it steals: all that the executor does
// between the two, without the trace.
KTEST(Counts, Steal) {
  std::uint64_t least = ~std::uint64_t{0};
  for (unsigned i = 0; i < 10; ++i) {
    const std::unique_ptr<Theft> theft(new (std::nothrow) Theft);
    ASSERT_TRUE(theft != nullptr);
    ASSERT_TRUE(theft->executor.spawn(leave_to_thief(*theft)).has_value());
    const sync::InterruptGuard<arch::Interrupts> guard;
    theft->executor.run();
    ASSERT_EQ(theft->ran_on, 1u);
    least = std::min(least, theft->count);
  }
  if (can_count()) tell("steal", least);
}

KTEST_TASK(Counts, Timers) {
  if (!can_count()) co_return;
  async::TimerWheel& wheel = (co_await async::current_task()).scheduler().timers();
  std::array<async::Timer, 64> timers;
  const Ticks base = now() + ticks_per_second();
  std::uint64_t armed = 0;
  std::uint64_t cancelled = 0;
  {
    const sync::InterruptGuard<arch::Interrupts> guard;
    for (std::size_t i = 0; i < timers.size(); ++i) timers[i].deadline = base + i * i * 1000;
    const std::uint64_t begun = arch::read_instructions();
    for (async::Timer& timer : timers) {
      const async::detail::LockGuard lock(wheel.lock());
      wheel.insert_locked(timer);
    }
    const std::uint64_t between = arch::read_instructions();
    for (async::Timer& timer : timers) {
      const async::detail::LockGuard lock(wheel.lock());
      wheel.remove_locked(timer);
    }
    cancelled = arch::read_instructions() - between;
    armed = between - begun;
  }
  tell("timer_arm", armed / timers.size());
  tell("timer_cancel", cancelled / timers.size());
}

}  // namespace
}  // namespace quoll::exec
