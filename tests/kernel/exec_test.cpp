// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor on real harts.
#include <array>
#include <atomic>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/address_space.hpp>
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

struct Order {
  std::atomic<unsigned> next{0};
  std::array<unsigned, 32> ended{};
};
async::Task<void> sleep_in_turn(Ticks deadline, unsigned number, Order& order) {
  (void)(co_await sleep_until(deadline)).has_value();
  order.ended[order.next.fetch_add(1)] = number;
}

KTEST_TASK(Exec, SleepersEndInTheOrderOfTheirDeadlines) {
  constexpr unsigned kSleepers = 32;
  Order order;
  std::array<async::JoinHandle<>, kSleepers> handles;
  const Ticks start = now() + ticks_per_second() / 50;
  for (unsigned i = 0; i < kSleepers; ++i) {
    // Neither in order nor in reverse.
    const unsigned number = i * 13 % kSleepers;
    auto spawned = spawn(sleep_in_turn(start + ticks_per_second() / 100 * number, number, order));
    CO_ASSERT_TRUE(spawned.has_value());
    handles[i] = std::move(*spawned);
  }
  for (auto& handle : handles) CO_ASSERT_TRUE((co_await handle.join()).has_value());
  // Harts wake by themselves: neighbours may swap when the host lets one of them wait.
  unsigned far = 0;
  for (unsigned i = 0; i < kSleepers; ++i) {
    const unsigned number = order.ended[i];
    if ((number > i ? number - i : i - number) > 8) ++far;
  }
  EXPECT_EQ(far, 0u);
}

async::Task<void> meet(std::atomic<unsigned>& arrived, unsigned expected, std::atomic<bool>& late) {
  arrived.fetch_add(1);
  const Ticks limit = now() + 20 * ticks_per_second();
  // Never suspends: each must have a hart of its own.
  while (arrived.load() < expected && !late.load()) {
    arch::Interrupts::relax();
    if (now() > limit) late.store(true);
  }
  co_return;
}

KTEST_TASK(Exec, EveryHartRunsATaskAtTheSameTime) {
  const unsigned harts = arch::Harts::count();
  for (unsigned round = 0; round < 30; ++round) {
    // From harts that sleep as well as from harts that have only just run out of work.
    if (round % 3 == 0) {
      CO_ASSERT_TRUE((co_await sleep_until(now() + ticks_per_second() / 500)).has_value());
    }
    std::atomic<unsigned> arrived{0};
    std::atomic<bool> late{false};
    std::array<async::JoinHandle<>, sync::kMaxHarts> handles;
    for (unsigned i = 0; i < harts; ++i) {
      auto spawned = spawn(meet(arrived, harts, late));
      CO_ASSERT_TRUE(spawned.has_value());
      handles[i] = std::move(*spawned);
    }
    for (unsigned i = 0; i < harts; ++i) {
      CO_ASSERT_TRUE((co_await handles[i].join()).has_value());
    }
    EXPECT_FALSE(late.load());
    if (late.load()) co_return;
  }
}

async::Task<unsigned> pass_on(async::Event& mine, async::Event& next) {
  const auto waited = co_await mine.wait();
  const unsigned hart = arch::Harts::id();
  next.set();
  co_return waited ? hart : ~0U;
}

KTEST_TASK(Exec, AChainOfWakesReachesItsEnd) {
  constexpr std::size_t kLinks = 100;
  for (unsigned round = 0; round < 10; ++round) {
    std::array<async::Event, kLinks + 1> events;
    std::array<async::JoinHandle<unsigned>, kLinks> handles;
    for (std::size_t i = 0; i < kLinks; ++i) {
      auto spawned = spawn(pass_on(events[i], events[i + 1]));
      CO_ASSERT_TRUE(spawned.has_value());
      handles[i] = std::move(*spawned);
    }
    events[0].set();
    CO_ASSERT_TRUE((co_await events[kLinks].wait()).has_value());
    for (auto& handle : handles) {
      const auto hart = co_await handle.join();
      CO_ASSERT_TRUE(hart.has_value());
      EXPECT_LT(*hart, arch::Harts::count());
    }
  }
}

async::Task<bool> wait_for_ever(async::Event& never) {
  const async::CancelToken token((co_await async::current_task()).cancel_source());
  const auto waited = co_await never.wait(token);
  co_return !waited && waited.error() == async::WaitError::kCancelled;
}

KTEST_TASK(Exec, CancelRacesWithTheWaitOnAllHarts) {
  async::Event never;
  for (unsigned round = 0; round < 300; ++round) {
    std::array<async::JoinHandle<bool>, 4> handles;
    for (auto& handle : handles) {
      auto spawned = spawn(wait_for_ever(never));
      CO_ASSERT_TRUE(spawned.has_value());
      handle = std::move(*spawned);
    }
    if (round % 2 == 0) co_await yield_now();
    for (auto& handle : handles) handle.cancel();
    for (auto& handle : handles) {
      const auto cancelled = co_await handle.join();
      CO_ASSERT_TRUE(cancelled.has_value());
      EXPECT_TRUE(*cancelled);
    }
  }
}

// A hart that sleeps stands on the kernel's own root, so that a guest that ends is gone.
async::Task<void> leave_a_space_active(vm::AddressSpace& space) {
  space.activate();
  co_return;
}
KTEST_TASK(Exec, AHartThatSleepsKeepsNoSpace) {
  auto made = vm::AddressSpace::create(vm::kernel_space());
  CO_ASSERT_TRUE(made.has_value());
  vm::AddressSpace& space = **made;
  for (unsigned i = 0; i < 4 * arch::Harts::count(); ++i) {
    auto handle = spawn(leave_a_space_active(space));
    CO_ASSERT_TRUE(handle.has_value());
    CO_ASSERT_TRUE((co_await handle->join()).has_value());
  }
  const Ticks limit = now() + 5 * ticks_per_second();
  while (!space.active_harts().is_empty() && now() < limit) {
    CO_ASSERT_TRUE((co_await sleep_until(now() + ticks_per_second() / 1000)).has_value());
  }
  EXPECT_TRUE(space.active_harts().is_empty());
}

}  // namespace
}  // namespace quoll::exec
