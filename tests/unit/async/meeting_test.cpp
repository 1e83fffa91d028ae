// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Condition, Barrier and Once: tasks that wait for each other.
#include <gtest/gtest.h>

#include <quoll/async/barrier.hpp>
#include <quoll/async/condition.hpp>
#include <quoll/async/once.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "turns.hpp"

namespace quoll::async::testing {
namespace {

#define START(...) EXPECT_TRUE((co_await turns.start(__VA_ARGS__).checked()).has_value())
#define OTHERS() EXPECT_TRUE((co_await Turns::others().checked()).has_value())
#define JOIN() EXPECT_TRUE((co_await turns.join().checked()).has_value())

struct Guarded {
  Mutex mutex;
  Condition condition;
  int ready = 0;
};

/// Takes one of what is ready; notes its name, in capitals when it was cancelled.
Task<void> take_one(Turns& turns, Guarded& guarded, char name, CancelToken token = {}) {
  auto guard = co_await guarded.mutex.lock();
  EXPECT_TRUE(guard.has_value());
  while (guarded.ready == 0) {
    const auto waited = co_await guarded.condition.wait(*guard, token);
    if (waited) continue;
    EXPECT_EQ(waited.error(), WaitError::kCancelled);
    turns.note(static_cast<char>(name - 'a' + 'A'));
    // The mutex is held: nobody else gets it while we give way.
    co_await yield_now();
    co_return;
  }
  --guarded.ready;
  turns.note(name);
}

TEST(Condition, NotifiesOneAfterTheOther) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Guarded guarded;
    for (const char name : {'a', 'b', 'c'}) START(take_one(turns, guarded, name));
    EXPECT_TRUE((co_await guarded.mutex.lock()).has_value()) << "who waits has let go";
    for (const char* expected : {"a", "b"}) {
      {
        auto guard = co_await guarded.mutex.lock();
        guarded.ready = 1;
        guarded.condition.notify_one();
        OTHERS();
        EXPECT_EQ(turns.notes(), "") << "not before it has the mutex";
      }
      OTHERS();
      EXPECT_EQ(turns.notes(), expected);
    }
    guarded.ready = 1;
    guarded.condition.notify_one();  // without the mutex
    JOIN();
    EXPECT_EQ(turns.notes(), "c");
    guarded.condition.notify_one();
    guarded.condition.notify_all();
  });
}

TEST(Condition, NotifiesAllInTheirOrder) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Guarded guarded;
    for (const char name : {'a', 'b', 'c'}) START(take_one(turns, guarded, name));
    {
      auto guard = co_await guarded.mutex.lock();
      guarded.ready = 2;
      guarded.condition.notify_all();
    }
    OTHERS();
    EXPECT_EQ(turns.notes(), "ab") << "the third found nothing and waits again";
    guarded.ready = 1;
    guarded.condition.notify_all();
    JOIN();
    EXPECT_EQ(turns.notes(), "c");
  });
}

TEST(Condition, ACancelledWaitHasTheMutexAgain) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Guarded guarded;
    CancelSource first;
    CancelSource second;
    START(take_one(turns, guarded, 'a', first));
    START(take_one(turns, guarded, 'b', second));
    {
      auto guard = co_await guarded.mutex.lock();
      first.cancel();
      OTHERS();
      EXPECT_EQ(turns.notes(), "") << "the mutex is ours";
    }
    second.cancel();
    JOIN();
    EXPECT_EQ(turns.notes(), "AB");
    EXPECT_TRUE((co_await guarded.mutex.lock()).has_value());
  });
}

TEST(Condition, ANotificationWinsAgainstALaterCancellation) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Guarded guarded;
    CancelSource source;
    START(take_one(turns, guarded, 'a', source));
    {
      auto guard = co_await guarded.mutex.lock();
      guarded.ready = 1;
      guarded.condition.notify_one();
      source.cancel();
    }
    JOIN();
    EXPECT_EQ(turns.notes(), "a");
    auto guard = co_await guarded.mutex.lock();
    EXPECT_FALSE((co_await guarded.condition.wait(*guard, source)).has_value())
        << "cancelled before it began";
  });
}

/// Comes to the barrier: notes `name`, as a capital when it leads; '!' when cancelled, '-' closed.
Task<void> come(Turns& turns, Barrier& barrier, char name, CancelToken token = {}) {
  const auto role = co_await barrier.arrive(token);
  if (!role) {
    turns.note(role.error() == WaitError::kCancelled ? '!' : '-');
  } else {
    turns.note(*role == BarrierRole::kLeader ? static_cast<char>(name - 'a' + 'A') : name);
  }
}

TEST(Barrier, EndsRoundAfterRoundWithOneLeader) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Barrier barrier(3);
    for (int round = 0; round < 3; ++round) {
      START(come(turns, barrier, 'a'));
      START(come(turns, barrier, 'b'));
      EXPECT_EQ(turns.notes(), "");
      START(come(turns, barrier, 'c'));
      EXPECT_EQ(turns.notes(), "Cab");
    }
    Barrier alone(1);
    const auto role = co_await alone.arrive();
    EXPECT_TRUE(role.has_value() && *role == BarrierRole::kLeader);
  });
}

TEST(Barrier, ACancelledTaskTakesItsArrivalBack) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Barrier barrier(3);
    CancelSource source;
    START(come(turns, barrier, 'a'));
    START(come(turns, barrier, 'b', source));
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "!");
    START(come(turns, barrier, 'c'));
    EXPECT_EQ(turns.notes(), "") << "two of three";
    START(come(turns, barrier, 'd'));
    EXPECT_EQ(turns.notes(), "Dac");
    EXPECT_FALSE((co_await barrier.arrive(source)).has_value());
  });
}

TEST(Barrier, ClosingWakesAll) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Barrier barrier(3);
    START(come(turns, barrier, 'a'));
    START(come(turns, barrier, 'b'));
    barrier.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "--");
    EXPECT_EQ((co_await barrier.arrive()).error(), WaitError::kClosed);
  });
}

enum class MakeError : unsigned char { kCancelled, kOutOfMemory, kBroken };
using Made = base::Result<int, MakeError>;

/// Makes a value when `go` is set; none when that is below zero.
Task<Made> make(Event& go, int value, CancelToken token) {
  if (!co_await go.wait(token)) co_return base::err(MakeError::kCancelled);
  if (value < 0) co_return base::err(MakeError::kBroken);
  co_return value;
}

/// Notes the value as a digit, or 'C', 'M', 'B'.
Task<void> need(Turns& turns, OnceCell<int>& cell, Event& go, int value, CancelToken token = {}) {
  const auto got = co_await cell.get_or_make([&, token] { return make(go, value, token); }, token);
  turns.note(got ? static_cast<char>('0' + **got) : "CMB"[static_cast<int>(got.error())]);
}

TEST(OnceCell, TheFirstMakesItForAll) {
  run_in_turns([](Turns& turns) -> Task<void> {
    OnceCell<int> cell;
    Event go;
    EXPECT_EQ(cell.get(), nullptr);
    for (const int value : {1, 2, 3}) START(need(turns, cell, go, value));
    EXPECT_EQ(turns.notes(), "");
    go.set();
    JOIN();
    EXPECT_EQ(turns.notes(), "111");
    START(need(turns, cell, go, 4));
    EXPECT_EQ(turns.notes(), "1");
    EXPECT_EQ(*cell.get(), 1);
  });
}

TEST(OnceCell, WhenMakingFailsOrIsCancelledTheNextTries) {
  run_in_turns([](Turns& turns) -> Task<void> {
    OnceCell<int> cell;
    Event broken;
    Event go;
    CancelSource maker;
    CancelSource waiter;
    START(need(turns, cell, broken, -1));
    START(need(turns, cell, go, 2, maker));
    START(need(turns, cell, go, 3, waiter));
    START(need(turns, cell, go, 4));
    START(need(turns, cell, go, 5));
    broken.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "B") << "its error is its own";
    waiter.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "C") << "who only waits";
    maker.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "C") << "who makes";
    EXPECT_EQ(cell.get(), nullptr);
    go.set();
    JOIN();
    EXPECT_EQ(turns.notes(), "44");
  });
}

TEST(OnceCell, WithoutMemoryTheNextTries) {
  run_in_turns([](Turns& turns) -> Task<void> {
    OnceCell<int> cell;
    Event go;
    go.set();
    const auto none = co_await cell.get_or_make([&] {
      const test::FailingNew failing(0);
      return make(go, 1, {});
    });
    EXPECT_EQ(none.error(), MakeError::kOutOfMemory);
    START(need(turns, cell, go, 2));
    EXPECT_EQ(turns.notes(), "2");
  });
}

TEST(Once, ATurnThatIsDroppedIsTakenAgain) {
  run_in_turns([](Turns&) -> Task<void> {
    Once once;
    {
      auto turn = co_await once.enter();
      EXPECT_TRUE(turn && turn->is_ours());
    }
    EXPECT_FALSE(once.is_done());
    auto turn = co_await once.enter();
    EXPECT_TRUE(turn && turn->is_ours());
    turn->complete();
    EXPECT_TRUE(once.is_done());
    auto late = co_await once.enter();
    EXPECT_TRUE(late && !late->is_ours());
  });
}

}  // namespace
}  // namespace quoll::async::testing
