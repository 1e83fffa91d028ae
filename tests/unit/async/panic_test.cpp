// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A panic on its way: through the coroutines that await each other, to the join handle.
#include <array>
#include <atomic>
#include <gtest/gtest.h>

#include <quoll/async/mutex.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/test_support/panic.hpp>

#include "thread_machine.hpp"

namespace quoll::async::testing {
namespace {

using test_support::panic;

/// Counts how many of it live, and notes in which order they go.
struct Living {
  explicit Living(std::atomic<int>& count, int* order = nullptr, int number = 0)
      : count_(count), order_(order), number_(number) {
    count_.fetch_add(1);
  }
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;
  ~Living() {
    if (order_ != nullptr) *order_ = *order_ * 10 + number_;
    count_.fetch_sub(1);
  }

 private:
  std::atomic<int>& count_;
  int* order_;
  int number_;
};

struct Trace {
  std::atomic<int> living{0};
  int order = 0;
};

/// Leaves a value behind and then panics: in the destructor of a local.
struct PanicsLate {
  bool armed = true;
  ~PanicsLate() noexcept(false) {
    if (armed) panic();
  }
};

enum class Where : unsigned char { kAtOnce, kAfterYield, kAfterEvent };

Task<int> third_level(Trace& trace, Where where, Event& event) {
  const Living living(trace.living, &trace.order, 3);
  if (where == Where::kAfterYield) co_await yield_now();
  if (where == Where::kAfterEvent) {
    if (!co_await event.wait()) co_return 0;
  }
  panic();
  co_return 1;
}
Task<base::Result<int, WaitError>> second_level(Trace& trace, Where where, Event& event) {
  const Living living(trace.living, &trace.order, 2);
  const auto value = co_await third_level(trace, where, event).checked();
  ADD_FAILURE() << "nothing goes on after a panic";
  co_return *value;
}
Task<void> first_level(Trace& trace, Where where, Event& event) {
  const Living living(trace.living, &trace.order, 1);
  (void)(co_await second_level(trace, where, event)).has_value();
  ADD_FAILURE() << "nothing goes on after a panic";
}

Task<void> join_a_chain(World& world, Where where) {
  Trace trace;
  Event event;
  auto handle = world.executor().spawn(first_level(trace, where, event));
  EXPECT_TRUE(handle.has_value());
  if (where == Where::kAfterEvent) {
    co_await yield_now();
    event.set();
  }
  const auto joined = co_await handle->join();
  EXPECT_FALSE(joined.has_value());
  EXPECT_EQ(joined.error(), WaitError::kPanicked);
  EXPECT_EQ(trace.living.load(), 0);
  EXPECT_EQ(trace.order, 321);
}

TEST(TaskPanic, ReachesTheJoinHandleThroughAllThatAwait) {
  for (const Where where : {Where::kAtOnce, Where::kAfterYield, Where::kAfterEvent}) {
    World world;
    EXPECT_TRUE(world.run(1, join_a_chain(world, where)));
    EXPECT_EQ(world.executor().task_count(), 0U);
  }
}

TEST(TaskPanic, ReachesItOnSeveralHartsToo) {
  for (unsigned round = 0; round < 50; ++round) {
    World world;
    EXPECT_TRUE(world.run(4, join_a_chain(world, Where::kAfterEvent)));
  }
}

Task<int> value_and_panic(bool late) {
  const PanicsLate local{late};
  co_return 7;
}
Task<void> panic_plainly(std::atomic<int>& living) {
  const Living here(living);
  panic();
  co_return;
}

Task<void> await_contained(std::atomic<int>& living) {
  const auto ended = co_await panic_plainly(living).contained();
  EXPECT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error(), TaskError::kPanicked);
  EXPECT_EQ(living.load(), 0);

  const auto value = co_await value_and_panic(false).contained();
  EXPECT_TRUE(value.has_value() && *value == 7);

  const auto late = co_await value_and_panic(true).contained();
  EXPECT_FALSE(late.has_value());
  EXPECT_EQ(late.error(), TaskError::kPanicked);

  const auto none = co_await Task<int>().contained();
  EXPECT_EQ(none.error(), TaskError::kOutOfMemory);
}

TEST(TaskPanic, EndsAsAValueWhereItIsContained) {
  World world;
  std::atomic<int> living{0};
  EXPECT_TRUE(world.run(1, await_contained(living)));
}

Task<void> join_late_panic(World& world) {
  auto handle = world.executor().spawn(value_and_panic(true));
  EXPECT_TRUE(handle.has_value());
  const auto joined = co_await handle->join();
  EXPECT_FALSE(joined.has_value());
  EXPECT_EQ(joined.error(), WaitError::kPanicked);
}

TEST(TaskPanic, AfterTheValueCountsAsAPanic) {
  World world;
  EXPECT_TRUE(world.run(1, join_late_panic(world)));
}

Task<void> hold_and_panic(Mutex& mutex, std::atomic<int>& living) {
  const Living here(living);
  const auto guard = co_await mutex.lock();
  co_await yield_now();
  panic();
}
Task<void> panic_with_mutex(World& world, std::atomic<int>& living) {
  Mutex mutex;
  std::array<JoinHandle<>, 8> handles;
  for (auto& handle : handles) {
    auto spawned = world.executor().spawn(hold_and_panic(mutex, living));
    EXPECT_TRUE(spawned.has_value());
    handle = std::move(*spawned);
  }
  for (auto& handle : handles) {
    EXPECT_EQ((co_await handle.join()).error(), WaitError::kPanicked);
  }
  const auto guard = co_await mutex.lock();
  EXPECT_TRUE(guard.has_value());
  EXPECT_EQ(living.load(), 0);
}

TEST(TaskPanic, UnlocksWhatItHeld) {
  World world;
  std::atomic<int> living{0};
  EXPECT_TRUE(world.run(2, panic_with_mutex(world, living)));
}

Task<void> detach_many(World& world, std::atomic<int>& living) {
  for (unsigned i = 0; i < 1000; ++i) {
    auto spawned = world.executor().spawn(panic_plainly(living));
    EXPECT_TRUE(spawned.has_value());
    spawned->detach();
    if (i % 7 == 0) co_await yield_now();
  }
}

TEST(TaskPanic, DetachedTasksGoAllTheSame) {
  World world;
  std::atomic<int> living{0};
  EXPECT_TRUE(world.run(4, detach_many(world, living)));
  EXPECT_EQ(living.load(), 0);
}

struct PanicsWhenCopied {
  PanicsWhenCopied() = default;
  PanicsWhenCopied(const PanicsWhenCopied&) { panic(); }
  PanicsWhenCopied& operator=(const PanicsWhenCopied&) = delete;
};
Task<int> take_parameter(PanicsWhenCopied) {
  co_return 1;
}
Task<void> call_with_parameter() {
  const PanicsWhenCopied parameter;
  (void)(co_await take_parameter(parameter).checked()).has_value();
}
Task<void> contain_parameter() {
  EXPECT_EQ((co_await call_with_parameter().contained()).error(), TaskError::kPanicked);
}

TEST(TaskPanic, InAParameterEndsTheCaller) {
  World world;
  EXPECT_TRUE(world.run(1, contain_parameter()));
}

Task<void> see_ids(World& world, std::atomic<int>& living) {
  const std::uint64_t own = (co_await current_task()).id();
  EXPECT_GT(own, 0U);
  auto spawned = world.executor().spawn(panic_plainly(living), "named");
  EXPECT_TRUE(spawned.has_value());
  (void)(co_await spawned->join()).has_value();
  EXPECT_EQ((co_await current_task()).id(), own);
}

TEST(TaskId, StaysTheSame) {
  World world;
  std::atomic<int> living{0};
  EXPECT_TRUE(world.run(1, see_ids(world, living)));
}

}  // namespace
}  // namespace quoll::async::testing
