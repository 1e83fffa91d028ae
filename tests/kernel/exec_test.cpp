// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor on real harts.
#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::exec {
namespace {

async::Task<unsigned> hart_of_spinner(Ticks until) {
  while (now() < until) co_await yield_now();
  co_return arch::Harts::id();
}

KTEST(Exec, EveryHartIsInTheExecutor) {
  EXPECT_EQ(executor().serving(), sync::HartSet::first(arch::Harts::count()).bits());
}

KTEST_TASK(Exec, SpawnAndJoinGivesTheValue) {
  auto handle = spawn(hart_of_spinner(0));
  CO_ASSERT_TRUE(handle.has_value());
  const auto value = co_await handle->join();
  CO_ASSERT_TRUE(value.has_value());
  EXPECT_LT(*value, arch::Harts::count());
}

KTEST_TASK(Exec, TasksSpreadOverAllHarts) {
  constexpr std::size_t kTasks = 64;
  const Ticks until = now() + ticks_per_second() / 20;
  std::array<async::JoinHandle<unsigned>, kTasks> handles;
  for (auto& handle : handles) {
    auto spawned = spawn(hart_of_spinner(until));
    CO_ASSERT_TRUE(spawned.has_value());
    handle = std::move(*spawned);
  }
  for (auto& handle : handles) {
    const auto hart = co_await handle.join();
    CO_ASSERT_TRUE(hart.has_value());
  }
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    EXPECT_GT(executor().resumed(hart), 0u);
  }
}

KTEST_TASK(Exec, SleepEndsNoSoonerThanItsDeadline) {
  for (unsigned i = 1; i <= 20; ++i) {
    const Ticks deadline = now() + ticks_per_second() / 1000 * i / 4;
    CO_ASSERT_TRUE((co_await sleep_until(deadline)).has_value());
    EXPECT_GE(now(), deadline);
    EXPECT_LT(now() - deadline, ticks_per_second());
  }
}

async::Task<bool> sleep_for_ever(async::Event& started) {
  const auto token = async::CancelToken((co_await async::current_task()).cancel_source());
  started.set();
  const auto slept = co_await sleep_until(async::kNever, token);
  co_return !slept && slept.error() == async::WaitError::kCancelled;
}

KTEST_TASK(Exec, CancelledSleepersEnd) {
  async::Event started;
  auto handle = spawn(sleep_for_ever(started));
  CO_ASSERT_TRUE(handle.has_value());
  CO_ASSERT_TRUE((co_await started.wait()).has_value());
  handle->cancel();
  const auto cancelled = co_await handle->join();
  CO_ASSERT_TRUE(cancelled.has_value());
  EXPECT_TRUE(*cancelled);
}

async::Task<void> ping(async::Channel<unsigned, 1>& in, async::Channel<unsigned, 1>& out,
                       unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    const auto value = co_await in.receive();
    if (!value || !co_await out.send(*value + 1)) co_return;
  }
}

KTEST_TASK(Exec, PingPongAcrossHartsLosesNoWake) {
  constexpr unsigned kRounds = 2000;
  const std::size_t tasks = executor().task_count();
  {
    async::Channel<unsigned, 1> there;
    async::Channel<unsigned, 1> back;
    auto handle = spawn(ping(there, back, kRounds));
    CO_ASSERT_TRUE(handle.has_value());
    unsigned value = 0;
    for (unsigned i = 0; i < kRounds; ++i) {
      CO_ASSERT_TRUE((co_await there.send(value)).has_value());
      const auto answer = co_await back.receive();
      CO_ASSERT_TRUE(answer.has_value());
      value = *answer;
    }
    EXPECT_EQ(value, kRounds);
    CO_ASSERT_TRUE((co_await handle->join()).has_value());
  }
  // The last one counts itself out just after it has woken us.
  while (executor().task_count() != tasks) co_await yield_now();
}

KTEST_TASK(Exec, TasksGiveTheirMemoryBack) {
  // Once to fill the heap's slabs, then it must balance.
  std::uint64_t before = 0;
  for (unsigned round = 0; round < 3; ++round) {
    if (round == 1) before = vm::statistics().heap.used_bytes;
    for (unsigned i = 0; i < 200; ++i) {
      auto handle = spawn(hart_of_spinner(0));
      CO_ASSERT_TRUE(handle.has_value());
      CO_ASSERT_TRUE((co_await handle->join()).has_value());
    }
  }
  const Ticks limit = now() + ticks_per_second();
  while (vm::statistics().heap.used_bytes != before && now() < limit) co_await yield_now();
  EXPECT_EQ(vm::statistics().heap.used_bytes, before);
}

}  // namespace
}  // namespace quoll::exec
