// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Scopes, and the links of tokens under them: no child is left when a scope has ended, whichever
// way it ends.
#include <gtest/gtest.h>

#include <quoll/async/cancel_link.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/async/scope.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/test_support/failing_new.hpp>
#include <quoll/test_support/panic.hpp>

#include "turns.hpp"

// The closures live in the coroutine of `with_scope` for as long as they run.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)
namespace quoll::async::testing {
namespace {

using Ended = base::Result<void, WaitError>;
using Number = base::Result<int, WaitError>;
using test_support::panic;

#define START(...) EXPECT_TRUE((co_await turns.start(__VA_ARGS__).checked()).has_value())
#define OTHERS() EXPECT_TRUE((co_await Turns::others().checked()).has_value())
#define JOIN() EXPECT_TRUE((co_await turns.join().checked()).has_value())

/// Notes when it goes.
struct Leaves {
  Turns& turns;
  char name;
  Leaves(Turns& t, char n) : turns(t), name(n) {}
  Leaves(const Leaves&) = delete;
  Leaves& operator=(const Leaves&) = delete;
  ~Leaves() { turns.note(name); }
};

/// Waits for `event` with its own token; notes `name` when it goes.
Task<Ended> wait_for(Turns& turns, Event& event, char name) {
  const Leaves leaves(turns, name);
  co_return co_await event.wait(co_await current_token());
}

TEST(CancelLink, HandsACancellationOn) {
  CancelSource parent;
  CancelSource child;
  CancelSource grandchild;
  {
    const CancelLink to_child(parent, child);
    const CancelLink to_grandchild(child, grandchild);
    EXPECT_FALSE(child.cancelled());
    parent.cancel();
    EXPECT_TRUE(child.cancelled() && grandchild.cancelled());
  }
  CancelSource late;
  const CancelLink linked_late(parent, late);
  EXPECT_TRUE(late.cancelled()) << "the token was cancelled before";
}

TEST(CancelLink, IsNeitherUpwardsNorForEver) {
  CancelSource parent;
  CancelSource child;
  CancelSource unlinked;
  CancelLink link(parent, unlinked);
  {
    const CancelLink to_child(parent, child);
    child.cancel();
    EXPECT_FALSE(parent.cancelled());
  }
  link.unlink();
  link.unlink();
  parent.cancel();
  EXPECT_FALSE(unlinked.cancelled());
  const CancelLink to_nothing(CancelToken(), unlinked);
  EXPECT_FALSE(unlinked.cancelled());
}

TEST(Scope, EndsWhenItsChildrenHave) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event first;
    Event second;
    START([](Turns& t, Event& one, Event& two) -> Task<void> {
      const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Number> {
        EXPECT_TRUE(scope.spawn(wait_for(t, one, 'a')).has_value());
        EXPECT_TRUE(scope.spawn(wait_for(t, two, 'b')).has_value());
        t.note('.');
        co_return 7;
      });
      t.note('!');
      EXPECT_TRUE(ended.has_value() && *ended == 7);
    }(turns, first, second));
    EXPECT_EQ(turns.notes(), ".");
    second.set();
    OTHERS();
    EXPECT_EQ(turns.notes(), "b");
    first.set();
    JOIN();
    EXPECT_EQ(turns.notes(), "a!");
  });
}

TEST(Scope, WithoutChildrenIsItsBody) {
  run_in_turns([](Turns&) -> Task<void> {
    const auto value = co_await with_scope({}, [](Scope<>&) -> Task<Number> { co_return 3; });
    EXPECT_TRUE(value.has_value() && *value == 3);
    const auto error = co_await with_scope(
        {}, [](Scope<>&) -> Task<Ended> { co_return base::err(WaitError::kClosed); });
    EXPECT_EQ(error.error(), WaitError::kClosed);
  });
}

TEST(Scope, TheBodyMayAwaitItsChildren) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event event;
    event.set();
    const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
      const Leaves local(turns, 'l');
      EXPECT_TRUE(scope.spawn(wait_for(turns, event, 'a')).has_value());
      co_await scope.all_ended();
      EXPECT_EQ(turns.notes(), "a");
      EXPECT_TRUE(scope.spawn(wait_for(turns, event, 'b')).has_value());
      co_await scope.all_ended();
      co_return {};
    });
    EXPECT_TRUE(ended.has_value());
    EXPECT_EQ(turns.notes(), "bl");
  });
}

/// Starts one that waits and one that does `how`; the first to fail counts.
Task<Ended> fail_beside_a_wait(Turns& turns, Event& never, Task<Ended> how) {
  co_return co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
    EXPECT_TRUE(scope.spawn(wait_for(turns, never, 'w')).has_value());
    EXPECT_TRUE(scope.spawn(std::move(how)).has_value());
    const auto waited = co_await never.wait(scope.token());
    EXPECT_EQ(waited.error(), WaitError::kCancelled);
    turns.note('c');
    co_return base::err(waited.error());
  });
}

TEST(Scope, AFailureCancelsTheOthersAndTheBody) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto ended = co_await fail_beside_a_wait(turns, never, []() -> Task<Ended> {
      co_await yield_now();
      co_return base::err(WaitError::kClosed);
    }());
    EXPECT_EQ(ended.error(), WaitError::kClosed);
    const std::string notes = turns.notes();
    EXPECT_TRUE(notes == "wc" || notes == "cw") << notes;
  });
}

TEST(Scope, APanicOfAChildIsAValue) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto ended = co_await fail_beside_a_wait(turns, never, [](Turns& t) -> Task<Ended> {
      const Leaves leaves(t, 'p');
      co_await yield_now();
      panic();
      co_return {};
    }(turns));
    EXPECT_EQ(ended.error(), WaitError::kPanicked);
    EXPECT_EQ(turns.notes().substr(0, 1), "p");
  });
}

TEST(Scope, APanicOfTheBodyLeavesNoChild) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
      const Leaves leaves(turns, 'b');
      EXPECT_TRUE(scope.spawn(wait_for(turns, never, 'w')).has_value());
      EXPECT_TRUE((co_await Turns::others().checked()).has_value());
      panic();
      co_return {};
    });
    EXPECT_EQ(ended.error(), WaitError::kPanicked);
    EXPECT_EQ(turns.notes(), "bw");
  });
}

TEST(Scope, ItsParentsTokenReachesTheGrandchildren) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    CancelSource source;
    START([](Turns& t, Event& n, CancelToken token) -> Task<void> {
      const auto ended = co_await with_scope(token, [&](Scope<>& scope) -> Task<Ended> {
        const auto nested = [](Turns& u, Event& m) -> Task<Ended> {
          co_return co_await with_scope(co_await current_token(),
                                        [&](Scope<>& inner) -> Task<Ended> {
                                          EXPECT_TRUE(inner.spawn(wait_for(u, m, 'g')).has_value());
                                          co_return {};
                                        });
        };
        EXPECT_TRUE(scope.spawn(nested(t, n)).has_value());
        EXPECT_TRUE(scope.spawn(wait_for(t, n, 'c')).has_value());
        co_return {};
      });
      EXPECT_EQ(ended.error(), WaitError::kCancelled);
      t.note('!');
    }(turns, never, source));
    EXPECT_EQ(turns.notes(), "");
    source.cancel();
    JOIN();
    const std::string notes = turns.notes();
    EXPECT_EQ(notes.size(), 3U);
    EXPECT_EQ(notes.back(), '!');
  });
}

TEST(Scope, CancelledBeforeItBeginsItsChildrenAreToo) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    CancelSource source;
    source.cancel();
    const auto ended = co_await with_scope(source, [&](Scope<>& scope) -> Task<Ended> {
      EXPECT_TRUE(scope.token().cancelled());
      EXPECT_TRUE(scope.spawn(wait_for(turns, never, 'a')).has_value());
      co_return {};
    });
    EXPECT_EQ(ended.error(), WaitError::kCancelled);
    EXPECT_EQ(turns.notes(), "a");
  });
}

TEST(Scope, CancelledByItsBodyItHasNotFailed) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Number> {
      const auto background = [](Turns& t, Event& n) -> Task<void> {
        EXPECT_FALSE((co_await n.wait(co_await current_token())).has_value());
        t.note('x');
      };
      EXPECT_TRUE(scope.spawn(background(turns, never)).has_value());
      EXPECT_TRUE((co_await Turns::others().checked()).has_value());
      scope.cancel();
      co_return 5;
    });
    EXPECT_TRUE(ended.has_value() && *ended == 5);
    EXPECT_EQ(turns.notes(), "x");
  });
}

TEST(Scope, ChildrenStartOthers) {
  run_in_turns([](Turns& turns) -> Task<void> {
    struct Tree {
      static Task<void> grow(Scope<>& scope, Turns& t, int depth) {
        t.note('o');
        if (depth == 0) co_return;
        EXPECT_TRUE(scope.spawn(grow(scope, t, depth - 1)).has_value());
        EXPECT_TRUE(scope.spawn(grow(scope, t, depth - 1)).has_value());
      }
    };
    const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
      EXPECT_TRUE(scope.spawn(Tree::grow(scope, turns, 4)).has_value());
      co_return {};
    });
    EXPECT_TRUE(ended.has_value());
    EXPECT_EQ(turns.notes().size(), 31U);
  });
}

TEST(Scope, ErrorsMayBeOfOnesOwn) {
  enum class Failure : unsigned char { kOutOfMemory, kPanicked, kBroken, kFirst };
  using Mine = base::Result<void, Failure>;
  run_in_turns([](Turns&) -> Task<void> {
    const auto ended = co_await with_scope<Failure>({}, [](Scope<Failure>& scope) -> Task<Mine> {
      const auto fails = [](Failure with) -> Task<Mine> { co_return base::err(with); };
      EXPECT_TRUE(scope.spawn(fails(Failure::kFirst)).has_value());
      EXPECT_TRUE(scope.spawn(fails(Failure::kBroken)).has_value());
      co_return {};
    });
    EXPECT_EQ(ended.error(), Failure::kFirst);
  });
}

/// With memory for so many coroutines: how the scope ended.
Task<Ended> with_memory_for(unsigned allocations, Turns& turns, Event& event, unsigned& spawned) {
  const test::FailingNew failing(allocations);
  co_return co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
    for (const char name : {'a', 'b'}) {
      if (!scope.spawn(wait_for(turns, event, name))) co_return base::err(WaitError::kOutOfMemory);
      ++spawned;
    }
    co_return {};
  });
}

TEST(Spawn, WithoutMemoryNothingIsStarted) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Scheduler& scheduler = (co_await current_task()).scheduler();
    Event event;
    event.set();
    // The task's own coroutine, and its record.
    for (unsigned allocations = 0; allocations < 2; ++allocations) {
      const test::FailingNew failing(allocations);
      const auto spawned = spawn(scheduler, wait_for(turns, event, 'a'));
      EXPECT_FALSE(spawned.has_value()) << allocations;
    }
    // There is some again, too late.
    const auto without_memory = [&] {
      const test::FailingNew failing(0);
      return wait_for(turns, event, 'a');
    };
    EXPECT_FALSE(spawn(scheduler, without_memory()).has_value());
    co_await yield_now();
    EXPECT_EQ(turns.notes(), "");
    const test::FailingNew failing(2);
    auto spawned = spawn(scheduler, wait_for(turns, event, 'a'));
    EXPECT_TRUE(spawned.has_value() && (co_await spawned->join()).has_value());
    EXPECT_EQ(turns.notes(), "a");
  });
}

TEST(Scope, WithoutMemoryNothingIsLeft) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event event;
    event.set();
    // The scope, its body, and three for each child; the first is that of the function above.
    for (unsigned allocations = 0; allocations < 8; ++allocations) {
      unsigned spawned = 0;
      auto task = with_memory_for(allocations, turns, event, spawned);
      const auto ended = co_await std::move(task);
      EXPECT_EQ(ended.error(), WaitError::kOutOfMemory) << allocations;
      EXPECT_EQ(spawned, allocations < 5 ? 0U : 1U) << allocations;
      EXPECT_EQ(turns.notes(), spawned == 1 ? "a" : "") << allocations;
    }
    unsigned spawned = 0;
    const auto ended = co_await with_memory_for(8, turns, event, spawned);
    EXPECT_TRUE(ended.has_value());
    EXPECT_EQ(turns.notes(), "ab");
  });
}

/// Counts what is alive; gives way, locks and sleeps in between.
Task<Ended> live(std::atomic<int>& living, Mutex& mutex, unsigned number) {
  struct Alive {
    std::atomic<int>& count;
    explicit Alive(std::atomic<int>& c) : count(c) { count.fetch_add(1); }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { count.fetch_sub(1); }
  } const alive(living);
  const CancelToken token = co_await current_token();
  for (unsigned i = 0; i < 1 + number % 3; ++i) {
    const auto guard = co_await mutex.lock(token);
    if (!guard) co_return base::err(guard.error());
    co_await yield_now();
  }
  if (number % 16 == 15) co_return base::err(WaitError::kClosed);
  if (number % 64 == 63) panic();
  co_return {};
}

TEST(Scope, OnSeveralHartsNobodyIsLeft) {
  World world;
  EXPECT_TRUE(world.run(4, []() -> Task<void> {
    for (unsigned round = 0; round < 200; ++round) {
      std::atomic<int> living{0};
      Mutex mutex;
      const auto ended = co_await with_scope({}, [&](Scope<>& scope) -> Task<Ended> {
        for (unsigned i = 0; i < 8; ++i) {
          EXPECT_TRUE(scope.spawn(live(living, mutex, round * 8 + i)).has_value());
        }
        co_return {};
      });
      EXPECT_EQ(living.load(), 0);
      EXPECT_EQ(ended.has_value(), round % 2 == 0);
    }
  }()));
  EXPECT_EQ(world.executor().task_count(), 0U);
}

}  // namespace
}  // namespace quoll::async::testing
// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
