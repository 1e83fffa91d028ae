// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <atomic>
#include <bit>
#include <gtest/gtest.h>

#include <quoll/async/channel.hpp>
#include <quoll/async/executor.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/async/wait_queue.hpp>

#include "thread_machine.hpp"

namespace quoll::async {
namespace {

using testing::World;

Task<int> add(int a, int b) {
  co_return a + b;
}

Task<std::int64_t> add_long(std::int64_t a, std::int64_t b) {
  co_return a + b;
}

Task<std::int64_t> sum_to(int n) {
  std::int64_t sum = 0;
  for (int i = 1; i <= n; ++i) {
    auto part = co_await add_long(sum, i).checked();
    sum = *part;
  }
  co_return sum;
}

TEST(Task, AwaitsDeepAndLongWithoutUsingUpTheStack) {
  World world;
  std::int64_t result = 0;
  EXPECT_TRUE(world.run(1, [](std::int64_t& out) -> Task<void> {
    auto sum = co_await sum_to(200'000).checked();
    out = *sum;
  }(result)));
  EXPECT_EQ(result, 20'000'100'000);
}

Task<void> spawn_and_join(World& world, int count, std::atomic<int>& sum) {
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < count; ++i) {
    auto handle = world.executor().spawn(add(i, 1));
    EXPECT_TRUE(handle.has_value());
    handles.push_back(std::move(*handle));
  }
  for (auto& handle : handles) {
    auto value = co_await handle.join();
    EXPECT_TRUE(value.has_value());
    sum += *value;
  }
}

TEST(Executor, JoinsMoreTasksThanARingHoldsOnManyHarts) {
  for (const std::size_t harts : {1u, 2u, 4u}) {
    World world;
    std::atomic<int> sum{0};
    EXPECT_TRUE(world.run(harts, spawn_and_join(world, 1000, sum)));
    EXPECT_EQ(sum.load(), 1000 * 999 / 2 + 1000);
    EXPECT_EQ(world.executor().task_count(), 0u);
  }
}

/// One bit for the 64 KiB of the stack that it is called in.
[[gnu::noinline]] std::uint64_t place_on_the_stack() {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return std::uint64_t{1} << (here >> 16) % 64;
}

Task<void> give_way(int times, std::uint64_t& places) {
  for (int i = 0; i < times; ++i) {
    co_await yield_now();
    places |= place_on_the_stack();
  }
}

Task<void> two_that_give_way(World& world, std::uint64_t& places) {
  auto one = world.executor().spawn(give_way(100'000, places));
  auto other = world.executor().spawn(give_way(100'000, places));
  EXPECT_TRUE(one.has_value() && other.has_value());
  EXPECT_TRUE((co_await one->join()).has_value());
  EXPECT_TRUE((co_await other->join()).has_value());
}

TEST(Executor, TasksHandOverToEachOtherWithoutUsingUpTheStack) {
  World world;
  std::uint64_t places = 0;
  EXPECT_TRUE(world.run(1, two_that_give_way(world, places)));
  EXPECT_LE(std::popcount(places), 2);
}

Task<void> echo(Channel<int, 1>& in, Channel<int, 1>& out) {
  for (;;) {
    auto value = co_await in.receive();
    if (!value) break;
    (void)(co_await out.send(*value + 1)).has_value();
  }
  out.close();
}

Task<void> ping(World& world, int rounds, int& last) {
  Channel<int, 1> there;
  Channel<int, 1> back;
  auto handle = world.executor().spawn(echo(there, back));
  EXPECT_TRUE(handle.has_value());
  for (int i = 0; i < rounds; ++i) {
    EXPECT_TRUE((co_await there.send(i)).has_value());
    auto answer = co_await back.receive();
    EXPECT_TRUE(answer.has_value());
    last = *answer;
  }
  there.close();
  EXPECT_TRUE((co_await handle->join()).has_value());
}

TEST(Executor, PingsOnManyHarts) {
  World world;
  int last = 0;
  EXPECT_TRUE(world.run(3, ping(world, 3000, last)));
  EXPECT_EQ(last, 3000);
}

constexpr int kMeeting = 3;
constexpr std::uint64_t kPatience = 20'000'000;

/// Waits for the others and never gives way: each needs a hart of its own.
Task<void> meet(std::atomic<int>& here, std::atomic<std::uint64_t>& spins) {
  here.fetch_add(1);
  while (here.load() < kMeeting && spins.fetch_add(1) < kPatience) std::this_thread::yield();
  co_return;
}

// kasync: a remote wake sent no IPI, and a parked hart slept on.
TEST(KnownDefects, KasyncRemoteWakeReachesAParkedHart) {
  World world;
  std::atomic<int> here{0};
  std::atomic<std::uint64_t> spins{0};
  EXPECT_TRUE(world.run(kMeeting, [](World& w, auto& h, auto& s) -> Task<void> {
    while (w.machine().sleeping() != kMeeting - 1) co_await yield_now();
    std::array<JoinHandle<>, kMeeting> handles;
    for (auto& handle : handles) {
      auto spawned = w.executor().spawn(meet(h, s));
      EXPECT_TRUE(spawned.has_value());
      handle = std::move(*spawned);
    }
    for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
  }(world, here, spins)));
  EXPECT_LT(spins.load(), kPatience);
}

// kasync: stop() unparked nobody.
TEST(KnownDefects, KasyncStopEndsParkedHarts) {
  for (int i = 0; i < 50; ++i) {
    World world;
    EXPECT_TRUE(world.run(4, []() -> Task<void> { co_return; }()));
  }
}

constexpr std::size_t kHarts = 4;
constexpr std::uint64_t kSpins = 100'000;

// kasync: who waited for a task spun.
TEST(KnownDefects, KasyncHartsWithNothingToDoSleep) {
  World world;
  EXPECT_TRUE(world.run(kHarts, [](World& w) -> Task<void> {
    const auto parks = [&w] {
      std::uint64_t all = 0;
      for (std::size_t hart = 0; hart < kHarts; ++hart) all += w.executor().parks(hart);
      return all;
    };
    // This one yields to nobody; the others come to rest.
    while (w.machine().sleeping() < kHarts - 1 && parks() < kSpins) co_await yield_now();
    const std::uint64_t at_rest = parks();
    EXPECT_LT(at_rest, kSpins);
    for (int i = 0; i < 10'000; ++i) co_await yield_now();
    EXPECT_EQ(parks(), at_rest);
  }(world)));
}

Task<int> wait_in_turn(Event& event, Signal& signal, std::atomic<int>& woken) {
  EXPECT_TRUE((co_await event.wait()).has_value());
  const int turn = woken.fetch_add(1);
  EXPECT_TRUE((co_await signal.wait()).has_value());
  EXPECT_TRUE((co_await sleep_until(static_cast<Ticks>(turn))).has_value());
  co_return turn;
}

// kasync: a waker took what it was made from for something else.
TEST(KnownDefects, KasyncAWakeIsForTheTaskThatWaits) {
  constexpr std::size_t kTasks = 16;
  World world;
  EXPECT_TRUE(world.run(3, [](World& w) -> Task<void> {
    std::array<Event, kTasks> events;
    std::array<Signal, kTasks> signals;
    std::array<JoinHandle<int>, kTasks> handles;
    std::atomic<int> woken{0};
    for (std::size_t i = 0; i < kTasks; ++i) {
      auto spawned = w.executor().spawn(wait_in_turn(events.at(i), signals.at(i), woken));
      EXPECT_TRUE(spawned.has_value());
      handles.at(i) = std::move(*spawned);
    }
    // By a task, and as an interrupt would: nobody else's wait ends.
    for (std::size_t i = 0; i < kTasks; ++i) {
      const std::size_t chosen = i * 5 % kTasks;
      events.at(chosen).set();
      while (woken.load() != static_cast<int>(i) + 1) co_await yield_now();
      signals.at(chosen).set();
      auto turn = co_await handles.at(chosen).join();
      EXPECT_TRUE(turn.has_value() && *turn == static_cast<int>(i));
    }
  }(world)));
}

// kasync: joining at the moment at which the task ended panicked.
TEST(KnownDefects, KasyncJoinRacesWithTheEnd) {
  World world;
  EXPECT_TRUE(world.run(4, [](World& w) -> Task<void> {
    for (int i = 0; i < 3000; ++i) {
      auto handle = w.executor().spawn(add(i, 0));
      EXPECT_TRUE(handle.has_value());
      if (i % 3 == 0) co_await yield_now();
      auto value = co_await handle->join();
      EXPECT_TRUE(value.has_value() && *value == i);
    }
  }(world)));
}

// A lone timer woke a second hart each time, which then found nothing to do.
TEST(Executor, ATimerOfOneHartWakesNoOther) {
  World world;
  EXPECT_TRUE(world.run(2, [](World& w) -> Task<void> {
    for (Ticks i = 1; i <= 200; ++i) {
      while (w.machine().sleeping() != 1) co_await yield_now();
      EXPECT_TRUE((co_await sleep_until(i * 1000)).has_value());
    }
  }(world)));
  EXPECT_LT(world.machine().wakes(), 20u);
}

// A hart leaves for user mode with a task that is next, and no other hart sleeps.
TEST(Executor, WhatIsOfferedAndNobodyTakesRunsHere) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w) -> Task<void> {
    Event event;
    auto waiter = w.executor().spawn([](Event& awaited) -> Task<void> {
      EXPECT_TRUE((co_await awaited.wait()).has_value());
    }(event));
    EXPECT_TRUE(waiter.has_value());
    co_await yield_now();
    event.set();
    w.executor().offer_work();
    EXPECT_FALSE(waiter->done());
    EXPECT_TRUE((co_await waiter->join()).has_value());
  }(world)));
  EXPECT_EQ(world.machine().wakes(), 0U);
}

}  // namespace
}  // namespace quoll::async
