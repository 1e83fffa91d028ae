// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// timeout, and timers that fire without the wheel's lock.
#include <gtest/gtest.h>

#include <quoll/async/mutex.hpp>
#include <quoll/async/timeout.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/test_support/failing_new.hpp>
#include <quoll/test_support/panic.hpp>

#include "turns.hpp"

// The closures live in the coroutine of `timeout` for as long as they run.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)
namespace quoll::async::testing {
namespace {

using Ended = base::Result<void, WaitError>;
using Number = base::Result<int, WaitError>;

/// A timer that notes its name when it fires without the lock, and does something then.
struct Free : Timer {
  TimerWheel& wheel;
  std::string& notes;
  char name;
  Free* takes_out = nullptr;
  Free(TimerWheel& w, std::string& n, char what, Ticks at) : wheel(w), notes(n), name(what) {
    deadline = at;
    fires_unlocked = true;
    fire = [](Timer& timer) noexcept {
      auto& self = static_cast<Free&>(timer);
      const detail::LockGuard guard(self.wheel.lock());  // it is free
      self.notes += self.name;
      EXPECT_FALSE(self.queued);
      if (self.takes_out != nullptr) self.wheel.settle_locked(*self.takes_out);
    };
    const detail::LockGuard guard(wheel.lock());
    wheel.insert_locked(*this);
  }
};

TEST(TimerWheel, FiresWithoutItsLockWhereThatIsAskedFor) {
  TimerWheel wheel;
  std::string notes;
  Free third(wheel, notes, 'c', 40);
  const Free first(wheel, notes, 'a', 3);
  Free second(wheel, notes, 'b', 3);
  Free never(wheel, notes, 'n', 3);
  Free late(wheel, notes, 'd', 5000);
  second.takes_out = &never;
  wheel.expire(2);
  EXPECT_EQ(notes, "");
  wheel.expire(1000);
  EXPECT_EQ(notes, "abc") << "one was due, and taken out by another";
  EXPECT_EQ(wheel.next_deadline(), 5000U);
  {
    const detail::LockGuard guard(wheel.lock());
    wheel.settle_locked(late);
    wheel.settle_locked(third);
  }
  wheel.expire(6000);
  EXPECT_EQ(notes, "abc");
  EXPECT_EQ(wheel.next_deadline(), kNever);
}

TEST(Timeout, GivesTheValueThatComesInTime) {
  run_in_turns([](Turns&) -> Task<void> {
    const auto value = co_await timeout(1000, {}, [](CancelToken token) -> Task<Number> {
      const auto slept = co_await sleep_until(10, token);
      EXPECT_TRUE(slept.has_value());
      co_return 5;
    });
    EXPECT_TRUE(value.has_value() && value->has_value());
    EXPECT_EQ(**value, 5);
    const auto plain = co_await timeout(1000, {}, [](CancelToken) -> Task<int> { co_return 6; });
    EXPECT_TRUE(plain.has_value() && *plain == 6);
    const auto unit = co_await timeout(1000, {}, [](CancelToken) -> Task<void> { co_return; });
    EXPECT_TRUE(unit.has_value());
    const auto failed = co_await timeout(
        1000, {}, [](CancelToken) -> Task<Ended> { co_return base::err(WaitError::kClosed); });
    EXPECT_TRUE(failed.has_value());
    EXPECT_EQ(failed->error(), WaitError::kClosed) << "its own failure, in time";
  });
}

TEST(Timeout, EndsWhatWaitsTooLong) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w) -> Task<void> {
    Event never;
    const Ticks start = w.machine().now();
    const auto event = co_await timeout(start + 100, {}, [&](CancelToken token) {
      return [](Event& e, CancelToken t) -> Task<Ended> { co_return co_await e.wait(t); }(never,
                                                                                          token);
    });
    EXPECT_EQ(event.error(), TimeoutError::kTimedOut);
    EXPECT_EQ(w.machine().now(), start + 100);
    // A sleep's timer is in the wheel that is firing.
    const auto slept = co_await timeout(start + 200, {}, [&](CancelToken token) -> Task<Ended> {
      co_return co_await sleep_until(start + 1'000'000, token);
    });
    EXPECT_EQ(slept.error(), TimeoutError::kTimedOut);
    EXPECT_EQ(w.machine().now(), start + 200);
    const auto plain = co_await timeout(start + 300, {}, [&](CancelToken token) -> Task<void> {
      EXPECT_FALSE((co_await never.wait(token)).has_value());
    });
    EXPECT_EQ(plain.error(), TimeoutError::kTimedOut);
  }(world)));
}

TEST(Timeout, WhatSucceedsAllTheSameIsGiven) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w) -> Task<void> {
    const Ticks start = w.machine().now();
    const auto value = co_await timeout(start + 10, {}, [&](CancelToken token) -> Task<Number> {
      EXPECT_TRUE((co_await sleep_until(start + 50)).has_value()) << "it does not look";
      EXPECT_TRUE(token.cancelled());
      co_return 4;
    });
    EXPECT_TRUE(value.has_value() && value->has_value());
    const auto plain = co_await timeout(start + 60, {}, [&](CancelToken) -> Task<int> {
      EXPECT_TRUE((co_await sleep_until(start + 70)).has_value());
      co_return 4;
    });
    EXPECT_EQ(plain.error(), TimeoutError::kTimedOut) << "it cannot say that it succeeded";
  }(world)));
}

TEST(Timeout, ADeadlineThatHasPassedComesAtTheFirstWait) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w) -> Task<void> {
    EXPECT_TRUE((co_await sleep_until(100)).has_value());
    Event never;
    bool began = false;
    const auto ended = co_await timeout(50, {}, [&](CancelToken token) -> Task<Ended> {
      began = true;
      co_return co_await never.wait(token);
    });
    EXPECT_TRUE(began);
    EXPECT_EQ(ended.error(), TimeoutError::kTimedOut);
    EXPECT_EQ(w.machine().now(), 100U) << "nobody slept";
  }(world)));
}

TEST(Timeout, ItsTokenComesFirst) {
  run_in_turns([](Turns& turns) -> Task<void> {
    CancelSource source;
    Event never;
    EXPECT_TRUE((co_await turns
                     .start([](Turns& t, Event& event, CancelToken token) -> Task<void> {
                       const auto ended =
                           co_await timeout(kNever, token, [&](CancelToken both) -> Task<Ended> {
                             co_return co_await event.wait(both);
                           });
                       EXPECT_TRUE(ended.has_value());
                       EXPECT_EQ(ended->error(), WaitError::kCancelled);
                       t.note('!');
                     }(turns, never, source))
                     .checked())
                    .has_value());
    source.cancel();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_EQ(turns.notes(), "!");
  });
}

TEST(Timeout, NestedTheNearestCounts) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w) -> Task<void> {
    Event never;
    const Ticks start = w.machine().now();
    const auto wait = [&](CancelToken token) -> Task<Ended> {
      co_return co_await never.wait(token);
    };
    for (const Ticks inner : {Ticks{10}, Ticks{1000}}) {
      const auto ended =
          co_await timeout(start + 100 + inner * 2, {},
                           [&](CancelToken token) -> Task<base::Result<Ended, TimeoutError>> {
                             co_return co_await timeout(start + inner * 3, token, wait);
                           });
      const bool is_inner = inner == 10;
      EXPECT_EQ(ended.has_value(), is_inner);
      const TimeoutError error = is_inner ? ended->error() : ended.error();
      EXPECT_EQ(error, TimeoutError::kTimedOut);
    }
  }(world)));
}

TEST(Timeout, APanicGoesOn) {
  run_in_turns([](Turns&) -> Task<void> {
    const auto panics = []() -> Task<void> {
      (void)(co_await timeout(kNever, {}, [](CancelToken) -> Task<int> {
        co_await yield_now();
        test_support::panic();
        co_return 1;
      })).has_value();
      ADD_FAILURE() << "nothing goes on after a panic";
    };
    EXPECT_EQ((co_await panics().contained()).error(), TaskError::kPanicked);
  });
}

TEST(Timeout, WithoutMemoryIsAnError) {
  run_in_turns([](Turns&) -> Task<void> {
    const auto body = [](CancelToken) -> Task<int> { co_return 1; };
    for (const unsigned allocations : {0U, 1U}) {
      const test::FailingNew failing(allocations);
      const auto ended = co_await timeout(100, {}, body);
      EXPECT_EQ(ended.error(), TimeoutError::kOutOfMemory) << allocations;
    }
    const test::FailingNew failing(2);
    EXPECT_TRUE((co_await timeout(100, {}, body)).has_value());
  });
}

/// Lock, or give up soon; the clock jumps whenever a hart has nothing to do.
Task<void> lock_for_a_while(World& world, Mutex& mutex, unsigned& count, unsigned number) {
  for (unsigned i = 0; i < 20; ++i) {
    const auto locked = co_await timeout(
        world.machine().now() + number % 3, {}, [&](CancelToken token) -> Task<Ended> {
          const auto guard = co_await mutex.lock(token);
          if (!guard) co_return base::err(guard.error());
          ++count;
          co_await yield_now();
          (void)(co_await sleep_until(world.machine().now() + 1, token)).has_value();
          co_return {};
        });
    if (!locked) EXPECT_EQ(locked.error(), TimeoutError::kTimedOut);
  }
}

TEST(Timeout, OnSeveralHartsItLeavesNothing) {
  World world;
  EXPECT_TRUE(world.run(4, [](World& w) -> Task<void> {
    Mutex mutex;
    unsigned count = 0;
    std::vector<JoinHandle<>> handles;
    for (unsigned i = 0; i < 16; ++i) {
      auto handle = w.executor().spawn(lock_for_a_while(w, mutex, count, i));
      EXPECT_TRUE(handle.has_value());
      handles.push_back(std::move(*handle));
    }
    for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
    EXPECT_TRUE((co_await mutex.lock()).has_value());
    EXPECT_GT(count, 0U);
  }(world)));
}

}  // namespace
}  // namespace quoll::async::testing
// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
