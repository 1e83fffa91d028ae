// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>
#include <set>

#include <quoll/async/timer.hpp>

#include "thread_machine.hpp"

namespace quoll::async {
namespace {

struct Noted : Timer {
  std::multiset<Ticks>* fired = nullptr;
};

TEST(TimerQueue, FiresInOrderAgainstAModel) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  TimerQueue queue;
  std::vector<Noted> timers(200);
  std::multiset<Ticks> expected;
  std::multiset<Ticks> fired;
  Ticks now = 0;
  for (int step = 0; step < 5000; ++step) {
    Noted& timer = timers[random() % timers.size()];
    {
      detail::LockGuard guard(queue.lock());
      if (timer.queued) {
        queue.remove_locked(timer);
        expected.erase(expected.find(timer.deadline));
      } else {
        timer.deadline = now + random() % 100;
        timer.fired = &fired;
        timer.fire = [](Timer& t) noexcept { static_cast<Noted&>(t).fired->insert(t.deadline); };
        queue.insert_locked(timer);
        expected.insert(timer.deadline);
      }
    }
    if (random() % 8 == 0) {
      now += random() % 50;
      fired.clear();
      queue.expire(now);
      std::multiset<Ticks> due(expected.begin(), expected.upper_bound(now));
      EXPECT_EQ(fired, due);
      expected.erase(expected.begin(), expected.upper_bound(now));
    }
    ASSERT_EQ(queue.next_deadline(), expected.empty() ? kNever : *expected.begin());
  }
}

TEST(Sleep, EndsInTheOrderOfDeadlines) {
  testing::World world;
  std::vector<int> order;
  EXPECT_TRUE(world.run(1, [](testing::World& w, std::vector<int>& out) -> Task<void> {
    std::vector<JoinHandle<>> handles;
    for (const int delay : {30, 10, 20}) {
      auto spawned = w.executor().spawn([](int d, std::vector<int>& o) -> Task<void> {
        EXPECT_TRUE((co_await sleep_until(static_cast<Ticks>(d))).has_value());
        o.push_back(d);
      }(delay, out));
      EXPECT_TRUE(spawned.has_value());
      handles.push_back(std::move(*spawned));
    }
    for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
  }(world, order)));
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
}

}  // namespace
}  // namespace quoll::async
