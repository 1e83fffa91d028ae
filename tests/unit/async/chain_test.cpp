// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What people see of a task: the chain of its coroutines, and the lists of all tasks.
#include <gtest/gtest.h>
#include <set>
#include <string_view>
#include <vector>

#include <quoll/async/wait_queue.hpp>

#include "thread_machine.hpp"

namespace quoll::async::testing {
namespace {

/// One coroutine of a chain as it was seen.
struct Link {
  const void* function;
  const void* suspended_at;
};

std::vector<Link> chain_of(const TaskHeader& task) {
  std::vector<Link> links;
  for (const PromiseLink* link = task.innermost(); link != nullptr; link = link->awaited_by()) {
    links.push_back({link->function(), link->suspended_at()});
  }
  return links;
}

Task<int> inner(Event& event) {
  // Twice, at two places.
  EXPECT_TRUE((co_await event.wait()).has_value());
  co_await yield_now();
  co_return 1;
}
Task<void> outer(Event& event) {
  EXPECT_EQ(*co_await inner(event).checked(), 1);
  EXPECT_EQ(*co_await inner(event).checked(), 1);
  const TaskHeader& self = co_await current_task();
  EXPECT_EQ(chain_of(self).size(), 1U) << "this coroutine only";
}

/// Steps through the states of `outer`, one wait after the other.
Task<void> watch(World& world) {
  Event event;
  auto handle = world.executor().spawn(outer(event), "watched");
  EXPECT_TRUE(handle.has_value());
  co_await yield_now();
  TaskHeader* watched = nullptr;
  world.executor().for_each_task([&](TaskHeader& task) {
    if (std::string_view(task.name()) == "watched") watched = &task;
  });
  EXPECT_NE(watched, nullptr);
  if (watched == nullptr) co_return;
  const auto waiting = chain_of(*watched);
  EXPECT_EQ(waiting.size(), 2U);
  if (waiting.size() != 2) co_return;
  std::set<const void*> functions;
  std::set<const void*> places;
  for (const Link& link : waiting) {
    functions.insert(link.function);
    places.insert(link.suspended_at);
  }
  EXPECT_EQ(functions.size(), 2U);
  EXPECT_EQ(places.size(), 2U);
  EXPECT_FALSE(places.contains(nullptr));

  event.set();
  // It wakes, and yields behind us at its second place.
  co_await yield_now();
  const auto yielding = chain_of(*watched);
  EXPECT_EQ(yielding.size(), 2U);
  if (yielding.size() != 2) co_return;
  EXPECT_EQ(yielding[0].function, waiting[0].function);
  EXPECT_NE(yielding[0].suspended_at, waiting[0].suspended_at);
  EXPECT_EQ(yielding[1].suspended_at, waiting[1].suspended_at);

  EXPECT_TRUE((co_await handle->join()).has_value());
  bool found = false;
  world.executor().for_each_task([&](TaskHeader& task) { found |= &task == watched; });
  EXPECT_FALSE(found);
}

TEST(AwaitChain, ShowsEachCoroutineAndWhereItWaits) {
  World world;
  EXPECT_TRUE(world.run(1, watch(world)));
}

Task<void> wait_for(Event& event) {
  EXPECT_TRUE((co_await event.wait()).has_value());
}

constexpr int kTasks = 100;

Task<void> count_tasks(World& world) {
  const auto count = [&world] {
    std::size_t tasks = 0;
    std::set<std::uint64_t> ids;
    world.executor().for_each_task([&](TaskHeader& task) {
      ++tasks;
      ids.insert(task.id());
    });
    EXPECT_EQ(ids.size(), tasks);
    return tasks;
  };
  co_await yield_now();  // who looks has waited
  const std::size_t before = count();
  const std::size_t tasks = world.executor().task_count();
  EXPECT_EQ(before, tasks);
  Event event;
  std::vector<JoinHandle<>> handles;
  for (int i = 0; i < kTasks; ++i) {
    auto handle = world.executor().spawn(wait_for(event));
    EXPECT_TRUE(handle.has_value());
    handles.push_back(std::move(*handle));
  }
  // They have not begun.
  EXPECT_EQ(count(), before);
  EXPECT_EQ(world.executor().task_count(), tasks + kTasks);
  co_await yield_now();
  EXPECT_EQ(count(), before + kTasks);
  event.set();
  for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
  EXPECT_EQ(count(), before);
}

TEST(TaskList, HoldsEachTaskFromItsFirstWaitToItsEnd) {
  World world;
  EXPECT_TRUE(world.run(1, count_tasks(world)));
}

Task<void> spawn_and_end(World& world) {
  for (int i = 0; i < kTasks; ++i) {
    auto handle = world.executor().spawn([]() -> Task<void> { co_return; }());
    EXPECT_TRUE(handle.has_value());
    EXPECT_TRUE((co_await handle->join()).has_value());
  }
}

Task<void> spawn_many(World& world) {
  std::vector<JoinHandle<>> handles;
  for (int i = 0; i < 8; ++i) {
    auto handle = world.executor().spawn(spawn_and_end(world));
    EXPECT_TRUE(handle.has_value());
    handles.push_back(std::move(*handle));
  }
  for (int i = 0; i < kTasks; ++i) {
    world.executor().for_each_task([](TaskHeader& task) { EXPECT_NE(task.id(), 0U); });
    co_await yield_now();
  }
  for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
}

TEST(TaskList, IsWholeWhileTasksEndElsewhere) {
  World world;
  EXPECT_TRUE(world.run(4, spawn_many(world)));
}

}  // namespace
}  // namespace quoll::async::testing
