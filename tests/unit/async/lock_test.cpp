// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RwLock and Semaphore: who goes on, in which order, and what a wait that is cancelled leaves.
#include <gtest/gtest.h>
#include <optional>

#include <quoll/async/rw_lock.hpp>
#include <quoll/async/semaphore.hpp>

#include "turns.hpp"

namespace quoll::async::testing {
namespace {

/// Notes `name` when it has the lock, in capitals when it was cancelled; holds it until `go`.
Task<void> read(Turns& turns, RwLock& lock, char name, Event& go, CancelToken token = {}) {
  auto guard = co_await lock.read(token);
  turns.note(guard ? name : static_cast<char>(name - 'a' + 'A'));
  if (guard) (void)(co_await go.wait()).has_value();
}
Task<void> write(Turns& turns, RwLock& lock, char name, Event& go, CancelToken token = {}) {
  auto guard = co_await lock.write(token);
  turns.note(guard ? name : static_cast<char>(name - 'a' + 'A'));
  if (guard) (void)(co_await go.wait()).has_value();
}
#define START(...) EXPECT_TRUE((co_await turns.start(__VA_ARGS__).checked()).has_value())
#define OTHERS() EXPECT_TRUE((co_await Turns::others().checked()).has_value())

TEST(RwLock, AWaitingWriterHoldsBackLaterReaders) {
  run_in_turns([](Turns& turns) -> Task<void> {
    RwLock lock;
    Event first;
    Event second;
    Event third;
    START(read(turns, lock, 'a', first));
    START(read(turns, lock, 'b', first));
    START(write(turns, lock, 'w', second));
    START(read(turns, lock, 'c', third));
    START(read(turns, lock, 'd', third));
    START(write(turns, lock, 'x', third));
    EXPECT_EQ(turns.notes(), "ab");
    first.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "w");
    second.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "cd") << "readers go on together, the writer behind them waits";
    third.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "x");
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
  });
}

TEST(RwLock, WhatIsAtHandIsGrantedWhateverTheTokenSays) {
  run_in_turns([](Turns&) -> Task<void> {
    CancelSource source;
    source.cancel();
    RwLock lock;
    Semaphore semaphore(1);
    const auto guard = co_await lock.write(source);
    EXPECT_TRUE(guard.has_value());
    EXPECT_EQ((co_await lock.read(source)).error(), WaitError::kCancelled) << "it would wait";
    const auto permit = co_await semaphore.acquire(1, source);
    EXPECT_TRUE(permit.has_value());
  });
}

TEST(RwLock, ACancelledWriterLetsTheReadersBehindItGoOn) {
  run_in_turns([](Turns& turns) -> Task<void> {
    RwLock lock;
    Event go;
    CancelSource source;
    START(read(turns, lock, 'a', go));
    START(write(turns, lock, 'w', go, source));
    START(read(turns, lock, 'b', go));
    START(read(turns, lock, 'c', go));
    START(write(turns, lock, 'x', go));
    EXPECT_EQ(turns.notes(), "a");
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "bcW") << "while the first still reads";
    go.set();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_EQ(turns.notes(), "x");
  });
}

TEST(RwLock, WhoIsCancelledBehindAWriterLeavesNothing) {
  run_in_turns([](Turns& turns) -> Task<void> {
    RwLock lock;
    Event go;
    CancelSource source;
    START(write(turns, lock, 'w', go));
    START(read(turns, lock, 'a', go, source));
    START(write(turns, lock, 'x', go, source));
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes().substr(1).size(), 2U);
    EXPECT_FALSE((co_await lock.read(source)).has_value());
    go.set();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_TRUE((co_await lock.write()).has_value());
    // What is free at once is had at once.
    EXPECT_TRUE((co_await lock.read(source)).has_value());
  });
}

Task<void> acquire(Turns& turns, Semaphore& semaphore, std::size_t count, char name, Event& go,
                   CancelToken token = {}) {
  auto permits = co_await semaphore.acquire(count, token);
  if (permits) {
    turns.note(name);
    EXPECT_EQ(permits->count(), count);
    (void)(co_await go.wait()).has_value();
  } else {
    turns.note(permits.error() == WaitError::kClosed ? '-' : static_cast<char>(name - 'a' + 'A'));
  }
}

TEST(Semaphore, ALargeRequestIsNotOvertaken) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Semaphore semaphore(3);
    Event first;
    Event rest;
    START(acquire(turns, semaphore, 2, 'a', first));
    START(acquire(turns, semaphore, 3, 'b', rest));
    START(acquire(turns, semaphore, 1, 'c', rest));
    EXPECT_EQ(turns.notes(), "a") << "there is one left, and it is not given out";
    EXPECT_EQ(semaphore.available(), 1U);
    first.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "b");
    semaphore.add(1);
    OTHERS();
    EXPECT_EQ(turns.notes(), "c");
    rest.set();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_EQ(semaphore.available(), 4U);
  });
}

TEST(Semaphore, ACancelledRequestLetsThoseBehindItGoOn) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Semaphore semaphore(2);
    Event go;
    CancelSource source;
    START(acquire(turns, semaphore, 1, 'a', go));
    START(acquire(turns, semaphore, 2, 'b', go, source));
    START(acquire(turns, semaphore, 1, 'c', go));
    START(acquire(turns, semaphore, 1, 'd', go));
    EXPECT_EQ(turns.notes(), "a");
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "cB");
    go.set();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_EQ(turns.notes(), "d");
    EXPECT_EQ(semaphore.available(), 2U);
  });
}

TEST(Semaphore, ClosingWakesAllAndRefusesLaterOnes) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Semaphore semaphore(1);
    Event go;
    START(acquire(turns, semaphore, 1, 'a', go));
    START(acquire(turns, semaphore, 1, 'b', go));
    START(acquire(turns, semaphore, 7, 'c', go));
    semaphore.close();
    OTHERS();
    EXPECT_EQ(turns.notes(), "a--");
    EXPECT_EQ((co_await semaphore.acquire()).error(), WaitError::kClosed);
    go.set();
    EXPECT_TRUE((co_await turns.join().checked()).has_value());
    EXPECT_EQ(semaphore.available(), 1U) << "permits go back after the end as well";
  });
}

TEST(Semaphore, PermitsCanBeForgottenAndMoved) {
  run_in_turns([](Turns&) -> Task<void> {
    Semaphore semaphore(3);
    auto two = co_await semaphore.acquire(2);
    EXPECT_TRUE(two.has_value());
    {
      const Semaphore::Permits moved(std::move(*two));
      EXPECT_EQ(semaphore.available(), 1U);
    }
    EXPECT_EQ(semaphore.available(), 3U) << "once, not twice";
    auto one = co_await semaphore.acquire();
    EXPECT_TRUE(one.has_value());
    one->forget();
    EXPECT_EQ(one->count(), 0U);
    EXPECT_EQ(semaphore.available(), 2U);
  });
}

TEST(LockRanks, SourcesComeBeforeWhatTasksWaitFor) {
  detail::RankedLock<sync::LockRank::kCancel> parent;
  detail::RankedLock<sync::LockRank::kCancel> child;
  detail::Lock list;
  {
    const detail::LockGuard first(parent);
    {
      const detail::LockGuard second(child);
      const detail::LockGuard third(list);
    }
    EXPECT_TRUE(sync::locks_held().contains(sync::LockRank::kCancel));
  }
  EXPECT_TRUE(sync::locks_held().is_empty());
}

TEST(LockRanksDeathTest, NoSourceIsTakenUnderWhatTasksWaitFor) {
  detail::RankedLock<sync::LockRank::kCancel> source;
  detail::Lock list;
  EXPECT_DEATH(
      {
        const detail::LockGuard first(list);
        const detail::LockGuard second(source);
      },
      "lock rank");
}

}  // namespace
}  // namespace quoll::async::testing
