// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the executor costs on one hart, in instructions; means over many times.
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
