// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// when_all and when_any: values, failures, panics, cancellation, and no memory at each place.
#include <gtest/gtest.h>

#include <quoll/async/channel.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/async/when_all.hpp>
#include <quoll/async/when_any.hpp>
#include <quoll/test_support/failing_new.hpp>
#include <quoll/test_support/panic.hpp>

#include "turns.hpp"

namespace quoll::async::testing {
namespace {

using Ended = base::Result<void, WaitError>;
using test_support::panic;

#define START(...) EXPECT_TRUE((co_await turns.start(__VA_ARGS__).checked()).has_value())
#define JOIN() EXPECT_TRUE((co_await turns.join().checked()).has_value())

template <typename T>
Task<T> give(T value) {
  co_await yield_now();
  co_return value;
}
Task<void> nothing() {
  co_return;
}
Task<int> panics() {
  co_await yield_now();
  panic();
  co_return 0;
}
/// Ends by the event, or by its own token.
Task<Ended> wait_for(Event& event) {
  co_return co_await event.wait(co_await current_token());
}
Task<int> wait_and_give(Turns& turns, Event& event, int value) {
  const bool came = (co_await event.wait(co_await current_token())).has_value();
  turns.note(came ? '+' : '-');
  co_return value;
}
/// A value that can only be moved, and has no value by default.
class Only {
 public:
  explicit Only(int value) : value_(value) {}
  Only(Only&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Only& operator=(Only&&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};
Task<Only> make_only(int value) {
  co_return Only(value);
}

TEST(WhenAll, GivesAllValues) {
  run_in_turns([](Turns&) -> Task<void> {
    auto all = co_await when_all({}, give(1), give(std::string("two")), nothing(), make_only(3));
    EXPECT_TRUE(all.has_value());
    EXPECT_EQ(std::get<0>(*all), 1);
    EXPECT_EQ(std::get<1>(*all), "two");
    EXPECT_EQ(std::get<3>(*all).value(), 3);
    std::array tasks{make_only(4), make_only(5), make_only(6)};
    auto some = co_await when_all({}, std::move(tasks));
    EXPECT_TRUE(some.has_value());
    for (int i = 0; i < 3; ++i) EXPECT_EQ((*some)[static_cast<std::size_t>(i)].value(), 4 + i);
  });
}

TEST(WhenAll, RunsThemAtOnce) {
  run_in_turns([](Turns&) -> Task<void> {
    // Each needs the other.
    Event first;
    Event second;
    const auto meet = [](Event& mine, Event& theirs) -> Task<void> {
      mine.set();
      EXPECT_TRUE((co_await theirs.wait()).has_value());
    };
    EXPECT_TRUE((co_await when_all({}, meet(first, second), meet(second, first))).has_value());
  });
}

TEST(WhenAll, AFailureCancelsTheOthersAndAllTell) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto all = co_await when_all({}, wait_for(never), wait_and_give(turns, never, 8),
                                       give<Ended>(base::err(WaitError::kClosed)));
    EXPECT_TRUE(all.has_value());
    EXPECT_EQ(std::get<0>(*all).error(), WaitError::kCancelled);
    EXPECT_EQ(std::get<1>(*all), 8);
    EXPECT_EQ(std::get<2>(*all).error(), WaitError::kClosed);
    EXPECT_EQ(turns.notes(), "-");
  });
}

TEST(WhenAll, APanicCancelsTheOthersToo) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto all = co_await when_all({}, wait_and_give(turns, never, 1), panics());
    EXPECT_EQ(all.error(), TaskError::kPanicked);
    EXPECT_EQ(turns.notes(), "-") << "it has ended";
    const auto array = co_await when_all({}, std::array{panics(), wait_and_give(turns, never, 1)});
    EXPECT_EQ(array.error(), TaskError::kPanicked);
    EXPECT_EQ(turns.notes(), "-");
  });
}

TEST(WhenAll, ItsTokenIsTheirs) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    CancelSource source;
    START([](Turns& t, Event& event, CancelToken token) -> Task<void> {
      const auto all = co_await when_all(token, wait_and_give(t, event, 1), wait_for(event));
      EXPECT_TRUE(all.has_value());
      EXPECT_EQ(std::get<0>(*all), 1);
      EXPECT_EQ(std::get<1>(*all).error(), WaitError::kCancelled);
      t.note('!');
    }(turns, never, source));
    EXPECT_EQ(turns.notes(), "");
    source.cancel();
    JOIN();
    EXPECT_EQ(turns.notes(), "-!");
  });
}

TEST(WhenAny, GivesTheFirstWhenTheOthersHaveEnded) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    auto first = co_await when_any({}, wait_and_give(turns, never, 1), make_only(2), give(3));
    EXPECT_TRUE(first.has_value());
    EXPECT_EQ(first->index(), 1U);
    EXPECT_EQ(std::get_if<1>(&*first)->value(), 2);
    EXPECT_EQ(turns.notes(), "-");
    const auto unit = co_await when_any({}, wait_for(never), nothing());
    EXPECT_TRUE(unit.has_value() && unit->index() == 1);
    const auto one = co_await when_any(
        {}, std::array{wait_and_give(turns, never, 7), give(8), wait_and_give(turns, never, 9)});
    EXPECT_TRUE(one.has_value());
    EXPECT_EQ(one->index, 1U);
    EXPECT_EQ(one->value, 8);
    EXPECT_EQ(turns.notes(), "--");
  });
}

TEST(WhenAny, OfTheSameTypeThePlaceTells) {
  run_in_turns([](Turns&) -> Task<void> {
    const auto second = co_await when_any({}, give(1), [](int v) -> Task<int> { co_return v; }(2));
    EXPECT_TRUE(second.has_value());
    EXPECT_EQ(second->index(), 1U);
    EXPECT_EQ(*std::get_if<1>(&*second), 2);
  });
}

TEST(WhenAny, AFailureCanBeTheFirst) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    const auto first = co_await when_any({}, give<Ended>(base::err(WaitError::kClosed)),
                                         wait_and_give(turns, never, 1));
    EXPECT_TRUE(first.has_value() && first->index() == 0);
    EXPECT_EQ(std::get_if<0>(&*first)->error(), WaitError::kClosed);
    const auto panicked = co_await when_any({}, panics(), wait_and_give(turns, never, 1));
    EXPECT_EQ(panicked.error(), TaskError::kPanicked);
    EXPECT_EQ(turns.notes(), "--");
  });
}

Task<int> panic_when_cancelled(Event& never) {
  (void)(co_await never.wait(co_await current_token())).has_value();
  panic();
  co_return 0;
}

TEST(WhenAny, WhatALoserDoesChangesNothing) {
  run_in_turns([](Turns&) -> Task<void> {
    Event never;
    const auto first = co_await when_any({}, panic_when_cancelled(never), give(5));
    EXPECT_TRUE(first.has_value() && first->index() == 1);
    const auto one = co_await when_any({}, std::array{give(1), give(2)});
    EXPECT_TRUE(one.has_value());
    EXPECT_EQ(one->value, static_cast<int>(one->index) + 1);
  });
}

TEST(WhenAny, ItsTokenIsTheirs) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Event never;
    CancelSource source;
    source.cancel();
    const auto first =
        co_await when_any(source, wait_and_give(turns, never, 1), wait_and_give(turns, never, 2));
    EXPECT_TRUE(first.has_value() && first->index() == 0);
    EXPECT_EQ(turns.notes(), "--");
  });
}

/// How many allocations something makes: with one less each time it fails and leaves nothing.
template <typename Make>
Task<unsigned> allocations_of(Make make) {
  for (unsigned allocations = 0;; ++allocations) {
    const test::FailingNew failing(allocations);
    const auto made = co_await make();
    if (made.has_value()) co_return allocations;
    EXPECT_EQ(made.error(), TaskError::kOutOfMemory) << allocations;
  }
}

TEST(WhenAll, WithoutMemoryAllHaveEnded) {
  run_in_turns([](Turns& turns) -> Task<void> {
    // Itself, and for each task its own coroutine and two around it.
    const auto tuple =
        co_await allocations_of([&] { return when_all({}, give(1), give(2)); }).checked();
    EXPECT_EQ(*tuple, 7U);
    const auto array = co_await allocations_of([&] {
                         return when_all({}, std::array{give(1), give(2)});
                       }).checked();
    EXPECT_EQ(*array, 7U);
    // The first has begun when there is nothing for the second.
    Event never;
    auto wait = wait_and_give(turns, never, 1);
    auto other = give(2);
    const test::FailingNew failing(3);
    const auto all = co_await when_all({}, std::move(wait), std::move(other));
    EXPECT_EQ(all.error(), TaskError::kOutOfMemory);
    EXPECT_EQ(turns.notes(), "-");
  });
}

TEST(WhenAny, WithoutMemoryAllHaveEnded) {
  run_in_turns([](Turns& turns) -> Task<void> {
    const auto tuple =
        co_await allocations_of([&] { return when_any({}, give(1), give(2)); }).checked();
    EXPECT_EQ(*tuple, 7U);
    const auto array = co_await allocations_of([&] {
                         return when_any({}, std::array{give(1), give(2)});
                       }).checked();
    EXPECT_EQ(*array, 7U);
    Event never;
    auto wait = wait_and_give(turns, never, 1);
    auto other = give(2);
    const test::FailingNew failing(3);
    const auto first = co_await when_any({}, std::move(wait), std::move(other));
    EXPECT_EQ(first.error(), TaskError::kOutOfMemory);
    EXPECT_EQ(turns.notes(), "-");
  });
}

Task<int> receive_one(Channel<int, 1>& channel) {
  const auto value = co_await channel.receive(co_await current_token());
  co_return value ? *value : -1;
}

TEST(WhenAny, OnSeveralHartsOneWinsAndNobodyIsLeft) {
  World world;
  EXPECT_TRUE(world.run(4, []() -> Task<void> {
    for (unsigned round = 0; round < 300; ++round) {
      Channel<int, 1> first;
      Channel<int, 1> second;
      const auto send = [](Channel<int, 1>& channel, int value) -> Task<void> {
        (void)(co_await channel.send(value, co_await current_token())).has_value();
      };
      const auto both = co_await when_all(
          {}, send(first, 1), send(second, 2),
          [](Channel<int, 1>& a, Channel<int, 1>& b) -> Task<int> {
            const auto got = co_await when_any(co_await current_token(),
                                               std::array{receive_one(a), receive_one(b)});
            co_return got->value == static_cast<int>(got->index) + 1;
          }(first, second));
      EXPECT_TRUE(both.has_value());
      EXPECT_TRUE(std::get<2>(*both));
    }
  }()));
  EXPECT_EQ(world.executor().task_count(), 0U);
}

}  // namespace
}  // namespace quoll::async::testing
