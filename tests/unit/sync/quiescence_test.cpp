// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <vector>

#include <quoll/sync/quiescence.hpp>

namespace quoll::sync {
namespace {

struct Object : Retired {
  explicit Object(std::vector<int>& all, int its_number) : gone(all), number(its_number) {
    reclaim = [](Retired& retired) noexcept {
      auto& object = static_cast<Object&>(retired);
      object.gone.push_back(object.number);
      if (object.then != nullptr) object.quiescence->retire(*object.then);
    };
  }
  std::vector<int>& gone;
  int number;
  Object* then = nullptr;  ///< what its end retires
  Quiescence* quiescence = nullptr;
};

struct World {
  Quiescence quiescence;
  std::array<QuiescentHart, 3> harts;
  std::vector<int> gone;

  explicit World(std::size_t joined) {
    for (std::size_t i = 0; i < joined; ++i) quiescence.join(harts[i]);
  }
  void pass(std::size_t hart) { quiescence.pass(harts[hart]); }
};

using Numbers = std::vector<int>;

TEST(Quiescence, ReclaimsWhenEachHartHasPassed) {
  World world(3);
  Object object(world.gone, 1);
  world.pass(0);  // before it was retired: does not count
  world.quiescence.retire(object);
  world.pass(0);
  world.pass(0);
  world.pass(2);
  EXPECT_TRUE(world.gone.empty());
  world.pass(1);
  EXPECT_EQ(world.gone, Numbers{1});
}

TEST(Quiescence, AsksEachHartOnceAndNobodyWithoutNeed) {
  World world(2);
  EXPECT_FALSE(world.harts[0].is_asked());
  Object object(world.gone, 1);
  world.quiescence.retire(object);
  EXPECT_TRUE(world.harts[0].is_asked());
  EXPECT_TRUE(world.harts[1].is_asked());
  world.pass(0);
  EXPECT_FALSE(world.harts[0].is_asked());
  world.pass(1);
  EXPECT_FALSE(world.harts[0].is_asked());
  EXPECT_FALSE(world.harts[1].is_asked());
}

TEST(Quiescence, WhatIsRetiredMeanwhileWaitsForAGracePeriodOfItsOwn) {
  World world(2);
  Object first(world.gone, 1);
  Object second(world.gone, 2);
  world.quiescence.retire(first);
  world.pass(0);
  world.quiescence.retire(second);  // hart 0 may read it still
  world.pass(1);
  EXPECT_EQ(world.gone, Numbers{1});
  world.pass(1);
  EXPECT_EQ(world.gone, Numbers{1});
  world.pass(0);
  EXPECT_EQ(world.gone, (Numbers{1, 2}));
}

TEST(Quiescence, HartsThatAreAwayAreNotWaitedFor) {
  World world(3);
  ASSERT_TRUE(world.quiescence.try_leave(world.harts[1]));
  ASSERT_TRUE(world.quiescence.try_leave(world.harts[2]));
  Object object(world.gone, 1);
  world.quiescence.retire(object);
  world.quiescence.come_back(world.harts[2]);  // reads what is there now
  EXPECT_FALSE(world.harts[2].is_asked());
  world.pass(0);
  EXPECT_EQ(world.gone, Numbers{1});
}

TEST(Quiescence, WhoIsAskedAnswersBeforeItLeaves) {
  World world(2);
  Object object(world.gone, 1);
  world.quiescence.retire(object);
  EXPECT_FALSE(world.quiescence.try_leave(world.harts[1]));
  world.pass(1);
  EXPECT_TRUE(world.quiescence.try_leave(world.harts[1]));
  world.pass(0);
  EXPECT_EQ(world.gone, Numbers{1});
}

TEST(Quiescence, HartsThatJoinLaterAreWaitedForFromThenOn) {
  World world(1);
  Object first(world.gone, 1);
  Object second(world.gone, 2);
  world.quiescence.retire(first);
  world.quiescence.join(world.harts[1]);
  EXPECT_FALSE(world.harts[1].is_asked());
  world.pass(0);
  EXPECT_EQ(world.gone, Numbers{1});
  world.quiescence.retire(second);
  world.pass(0);
  EXPECT_EQ(world.gone, Numbers{1});
  world.pass(1);
  EXPECT_EQ(world.gone, (Numbers{1, 2}));
}

TEST(Quiescence, WhatIsReclaimedMayRetireMore) {
  World world(1);
  Object second(world.gone, 2);
  Object first(world.gone, 1);
  first.then = &second;
  first.quiescence = &world.quiescence;
  world.quiescence.retire(first);
  world.pass(0);
  EXPECT_EQ(world.gone, Numbers{1});
  world.pass(0);
  EXPECT_EQ(world.gone, (Numbers{1, 2}));
  EXPECT_FALSE(world.harts[0].is_asked());
}

TEST(Quiescence, WithoutAnybodyWhoReadsNothingIsWaitedFor) {
  World world(0);
  Object object(world.gone, 1);
  world.quiescence.retire(object);
  EXPECT_EQ(world.gone, Numbers{1});
}

// As much as memory holds can wait: there is no table that could be full.
TEST(Quiescence, RetiresAnyNumberAtOnce) {
  World world(2);
  std::vector<Object> objects;
  objects.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) objects.emplace_back(world.gone, i);
  for (Object& object : objects) world.quiescence.retire(object);
  for (int round = 0; round < 2; ++round) {
    world.pass(0);
    world.pass(1);
  }
  EXPECT_EQ(world.gone.size(), 10'000u);
}

}  // namespace
}  // namespace quoll::sync
