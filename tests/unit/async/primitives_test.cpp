// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include <quoll/async/channel.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/async/wait_queue.hpp>

#include "thread_machine.hpp"

namespace quoll::async {
namespace {

using testing::World;

Task<void> count_up(Mutex& mutex, int& counter, int times) {
  for (int i = 0; i < times; ++i) {
    auto guard = co_await mutex.lock();
    EXPECT_TRUE(guard.has_value());
    const int seen = counter;
    if (i % 16 == 0) co_await yield_now();
    counter = seen + 1;
  }
}

TEST(Mutex, ExcludesAcrossSuspension) {
  World world;
  int counter = 0;
  EXPECT_TRUE(world.run(4, [](World& w, int& c) -> Task<void> {
    Mutex mutex;
    std::array<JoinHandle<>, 8> handles;
    for (auto& handle : handles) {
      auto spawned = w.executor().spawn(count_up(mutex, c, 300));
      EXPECT_TRUE(spawned.has_value());
      handle = std::move(*spawned);
    }
    for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
  }(world, counter)));
  EXPECT_EQ(counter, 2400);
}

Task<WaitError> wait_for_ever(Event& event) {
  const CancelToken token((co_await current_task()).cancel_source());
  auto waited = co_await event.wait(token);
  co_return waited ? WaitError::kClosed : waited.error();
}

// kasync: cancelling a task lost its wake.
TEST(KnownDefects, KasyncCancelWakesTheWaiter) {
  World world;
  EXPECT_TRUE(world.run(3, [](World& w) -> Task<void> {
    for (int i = 0; i < 1000; ++i) {
      Event never;
      auto handle = w.executor().spawn(wait_for_ever(never));
      EXPECT_TRUE(handle.has_value());
      if (i % 2 == 0) co_await yield_now();
      handle->cancel();
      auto outcome = co_await handle->join();
      EXPECT_TRUE(outcome.has_value() && *outcome == WaitError::kCancelled);
    }
  }(world)));
}

Task<bool> wait_either_way(Event& event) {
  const CancelToken token((co_await current_task()).cancel_source());
  co_return (co_await event.wait(token)).has_value();
}

TEST(Event, SetAndCancelAtOnceEndTheWaitOnce) {
  World world;
  EXPECT_TRUE(world.run(3, [](World& w) -> Task<void> {
    for (int i = 0; i < 1000; ++i) {
      Event event;
      auto handle = w.executor().spawn(wait_either_way(event));
      EXPECT_TRUE(handle.has_value());
      auto setter = w.executor().spawn([](Event& e) -> Task<void> {
        e.set();
        co_return;
      }(event));
      EXPECT_TRUE(setter.has_value());
      handle->cancel();
      EXPECT_TRUE((co_await handle->join()).has_value());
      EXPECT_TRUE((co_await setter->join()).has_value());
    }
  }(world)));
}

// IRQ: an event between two waits was lost.
TEST(KnownDefects, IrqEventBetweenTwoWaitsIsKept) {
  World world;
  int rounds = 0;
  EXPECT_TRUE(world.run(1, [](int& r) -> Task<void> {
    Signal signal;
    for (int i = 0; i < 100; ++i) {
      signal.set();
      signal.set();
      EXPECT_TRUE((co_await signal.wait()).has_value());
      ++r;
    }
    CancelSource source;
    source.cancel();
    auto waited = co_await signal.wait(source);
    EXPECT_FALSE(waited.has_value());
  }(rounds)));
  EXPECT_EQ(rounds, 100);
}

Task<int> drain(Channel<int, 4>& channel) {
  int sum = 0;
  for (;;) {
    auto value = co_await channel.receive();
    if (!value) co_return sum;
    sum += *value;
  }
}

TEST(Channel, DeliversEverythingOnceAndEndsOnClose) {
  World world;
  EXPECT_TRUE(world.run(4, [](World& w) -> Task<void> {
    Channel<int, 4> channel;
    std::array<JoinHandle<int>, 3> receivers;
    for (auto& receiver : receivers) {
      auto spawned = w.executor().spawn(drain(channel));
      EXPECT_TRUE(spawned.has_value());
      receiver = std::move(*spawned);
    }
    for (int i = 1; i <= 1000; ++i) EXPECT_TRUE((co_await channel.send(i)).has_value());
    channel.close();
    EXPECT_EQ((co_await channel.send(1)).error(), WaitError::kClosed);
    int sum = 0;
    for (auto& receiver : receivers) {
      auto part = co_await receiver.join();
      EXPECT_TRUE(part.has_value());
      sum += *part;
    }
    EXPECT_EQ(sum, 500'500);
  }(world)));
}

}  // namespace
}  // namespace quoll::async
