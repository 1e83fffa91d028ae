// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// In which order a hart runs what, and what others get.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <vector>

#include <quoll/async/run_queue.hpp>

namespace quoll::async {
namespace {

using Queue = RunQueue<8>;

/// Tasks by number.
class RunQueueTest : public ::testing::Test {
 protected:
  TaskHeader& task(std::size_t number) { return tasks_.at(number); }
  std::size_t number_of(const TaskHeader* taken) const {
    return static_cast<std::size_t>(taken - tasks_.data());
  }
  /// Everything, in the order of its turns.
  std::vector<std::size_t> taken_from(Queue& of) {
    std::vector<std::size_t> taken;
    while (const TaskHeader* const next = of.pop()) taken.push_back(number_of(next));
    return taken;
  }

  Queue queue;
  Queue thief;

 private:
  std::array<TaskHeader, 64> tasks_;
};

using Numbers = std::vector<std::size_t>;

TEST_F(RunQueueTest, RunsTheFirstWokenNextAndTheRestInOrder) {
  queue.push(task(0));
  EXPECT_FALSE(queue.push_next(task(1)));
  EXPECT_TRUE(queue.push_next(task(2)));
  queue.push(task(3));
  EXPECT_EQ(taken_from(queue), (Numbers{1, 0, 2, 3}));
  EXPECT_TRUE(queue.empty());
}

TEST_F(RunQueueTest, TasksThatWakeEachOtherLetOthersHaveTheirTurn) {
  for (std::size_t i = 0; i < 4; ++i) queue.push(task(i));
  // 8 and 9 pass a turn to each other.
  std::size_t waiting = 9;
  queue.push_next(task(8));
  unsigned turns = 0;
  std::array<unsigned, 4> until_its_turn{};
  for (; turns < 20; ++turns) {
    const std::size_t next = number_of(queue.pop());
    if (next < 4) {
      until_its_turn.at(next) = turns;
      continue;
    }
    queue.push_next(task(waiting));
    waiting = next;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(until_its_turn.at(i), (i + 1) * (Queue::kSlotTurns + 1) - 1);
  }
}

TEST_F(RunQueueTest, KeepsTheOrderOfMoreThanItsRingHolds) {
  Numbers all;
  for (std::size_t i = 0; i < 40; ++i) {
    queue.push(task(i));
    all.push_back(i);
  }
  EXPECT_EQ(taken_from(queue), all);
}

TEST_F(RunQueueTest, TasksThatYieldDoNotKeepTheOverflowFromItsTurn) {
  for (std::size_t i = 0; i < 40; ++i) queue.push(task(i));
  for (std::size_t turn = 0; turn < 400; ++turn) {
    TaskHeader* const next = queue.pop();
    ASSERT_EQ(number_of(next), turn % 40);
    queue.push(*next);
  }
}

TEST_F(RunQueueTest, WhatIsPostedComesFirstButNotAlways) {
  for (std::size_t i = 0; i < 3; ++i) queue.push(task(i));
  for (std::size_t i = 10; i < 30; ++i) queue.post(task(i));
  EXPECT_TRUE(queue.has_urgent());
  Numbers expected;
  std::size_t posted = 10;
  std::size_t own = 0;
  for (unsigned turn = 1; expected.size() < 23; ++turn) {
    const bool owns = (turn % Queue::kUrgentTurns == 0 && own < 3) || posted == 30;
    expected.push_back(owns ? own++ : posted++);
  }
  EXPECT_EQ(taken_from(queue), expected);
}

TEST_F(RunQueueTest, ThievesTakeTheOlderHalf) {
  for (std::size_t i = 0; i < 6; ++i) queue.push(task(i));
  EXPECT_EQ(number_of(queue.steal_for(thief)), 0u);
  EXPECT_EQ(taken_from(thief), (Numbers{1, 2}));
  EXPECT_EQ(taken_from(queue), (Numbers{3, 4, 5}));
  EXPECT_EQ(queue.steal_for(thief), nullptr);
}

// kasync: a thief took one more than it had room for.
TEST(KnownDefects, KasyncStealTakesNoMoreThanItsBatch) {
  using Ring = StealRing<128>;
  // Of a full one half is more than a batch.
  static_assert(Ring::kCapacity / 2 > Ring::kBatch);
  std::array<TaskHeader, Ring::kCapacity> tasks;
  for (std::size_t size = 1; size <= Ring::kCapacity; ++size) {
    Ring ring;
    Ring thief;
    for (std::size_t i = 0; i < size; ++i) ASSERT_TRUE(ring.push(tasks.at(i)));
    // The older half, and what is left stays.
    std::size_t stolen = 0;
    for (const TaskHeader* next = ring.steal_into(thief); next != nullptr; next = thief.pop()) {
      EXPECT_EQ(next, &tasks.at(stolen++));
    }
    EXPECT_EQ(stolen, std::min((size + 1) / 2, Ring::kBatch));
    while (const TaskHeader* const next = ring.pop()) EXPECT_EQ(next, &tasks.at(stolen++));
    EXPECT_EQ(stolen, size);
  }
}

TEST_F(RunQueueTest, ThievesFindTheOverflow) {
  for (std::size_t i = 0; i < 10; ++i) queue.push(task(i));
  Numbers stolen;
  while (const TaskHeader* const first = queue.steal_for(thief)) {
    stolen.push_back(number_of(first));
    for (const std::size_t next : taken_from(thief)) stolen.push_back(next);
  }
  EXPECT_EQ(stolen, (Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(queue.empty());
}

TEST_F(RunQueueTest, TheSlotAndTheMailboxAreNotForThieves) {
  queue.push_next(task(0));
  queue.post(task(1));
  EXPECT_FALSE(queue.empty());
  EXPECT_FALSE(queue.can_give());
  EXPECT_EQ(queue.steal_for(thief), nullptr);
}

TEST_F(RunQueueTest, WhoIsNextStaysAheadWhenItsHartIsAway) {
  queue.push(task(0));
  queue.push_next(task(1));
  queue.clear_slot();
  EXPECT_TRUE(queue.has_posted());
  EXPECT_EQ(taken_from(queue), (Numbers{1, 0}));
  queue.push_next(task(1));
  queue.clear_slot();
  EXPECT_EQ(number_of(queue.give_posted()), 1u);
  EXPECT_TRUE(queue.empty());
}

TEST_F(RunQueueTest, TurnsOfTheSlotCountInARowOnly) {
  for (std::size_t i = 0; i < 10; ++i) {
    queue.push(task(i));
    EXPECT_EQ(number_of(queue.pop()), i);
    queue.push(task(20));
    queue.push_next(task(21));
    EXPECT_EQ(taken_from(queue), (Numbers{21, 20}));
  }
}

}  // namespace
}  // namespace quoll::async
