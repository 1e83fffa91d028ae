// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

#include "router_fixture.hpp"

namespace quoll::irq {
namespace {

TEST(Router, ALevelInterruptsOnceForEachRoundOfItsDriver) {
  Machine machine;
  Driver driver;
  ASSERT_TRUE(machine.router.attach(7, driver, {}).has_value());
  const unsigned home = machine.home(7);
  machine.plic.set_level(7, true);
  for (unsigned round = 1; round <= 3; ++round) {
    ASSERT_TRUE(machine.interrupts(home));
    machine.serve(home);
    EXPECT_EQ(driver.told.load(), round);
    // Still up: it waits for its driver, here and elsewhere.
    for (unsigned hart = 0; hart < Machine::kHarts; ++hart) EXPECT_FALSE(machine.interrupts(hart));
    EXPECT_TRUE(machine.router.info(7)->is_masked);
    machine.router.unmask(7);
  }
  machine.serve(home);
  machine.plic.set_level(7, false);
  machine.router.unmask(7);
  EXPECT_FALSE(machine.interrupts(home));
  EXPECT_EQ(machine.router.info(7)->count, 4u);
}

TEST(Router, SourcesGoToHartsInTurnAndToOneEach) {
  Machine machine;
  std::array<Driver, 6> drivers;
  std::array<unsigned, Machine::kHarts> sources{};
  for (std::uint32_t i = 0; i < drivers.size(); ++i) {
    ASSERT_TRUE(machine.router.attach(30 + i, drivers[i], {}).has_value());
    ++sources.at(machine.home(30 + i));
    unsigned contexts = 0;
    for (std::uint32_t c = 0; c < PlicModel::kContexts; ++c) {
      contexts += machine.plic.is_enabled(30 + i, c) ? 1 : 0;
    }
    EXPECT_EQ(contexts, 1u);
  }
  for (const unsigned count : sources) EXPECT_EQ(count, 2u);
}

TEST(Router, WishesAreKept) {
  Machine machine;
  Driver driver;
  Driver other;
  ASSERT_TRUE(
      machine.router.attach(3, driver, {.priority = 5, .harts = sync::HartSet::of(2)}).has_value());
  EXPECT_EQ(machine.home(3), 2u);
  EXPECT_EQ(machine.plic.priority(3), 5u);
  const auto error = [&](std::uint32_t source, const Wishes& wishes) {
    const auto attached = machine.router.attach(source, other, wishes);
    EXPECT_FALSE(attached.has_value());
    return attached.error();
  };
  EXPECT_EQ(error(3, {}), IrqError::kTaken);
  EXPECT_EQ(error(0, {}), IrqError::kBadSource);
  EXPECT_EQ(error(PlicModel::kSources + 1, {}), IrqError::kBadSource);
  EXPECT_EQ(error(4, {.priority = 0}), IrqError::kBadPriority);
  EXPECT_EQ(error(4, {.priority = kMaxPriority + 1}), IrqError::kBadPriority);
  EXPECT_EQ(error(4, {.harts = sync::HartSet::of(Machine::kHarts)}), IrqError::kNoHart);
  EXPECT_EQ(error(4, {.harts = {}}), IrqError::kNoHart);
  // What was refused has left nothing.
  EXPECT_TRUE(machine.router.attach(4, other, {}).has_value());
}

TEST(Router, TheMostUrgentIsClaimedFirst) {
  Machine machine;
  std::array<Driver, 3> drivers;
  const std::array<std::uint32_t, 3> priorities{2, 6, 4};
  for (std::uint32_t i = 0; i < drivers.size(); ++i) {
    ASSERT_TRUE(
        machine.router
            .attach(10 + i, drivers[i], {.priority = priorities[i], .harts = sync::HartSet::of(1)})
            .has_value());
    machine.plic.raise(10 + i);
  }
  machine.serve(1);
  EXPECT_EQ(machine.claims, (std::vector<std::uint32_t>{11, 12, 10}));
  for (const std::uint32_t source : {10U, 11U, 12U}) machine.router.unmask(source);
  machine.claims.clear();
  ASSERT_TRUE(machine.router.set_priority(10, 7).has_value());
  for (const std::uint32_t source : {10U, 11U, 12U}) machine.plic.raise(source);
  machine.serve(1);
  EXPECT_EQ(machine.claims, (std::vector<std::uint32_t>{10, 11, 12}));
  EXPECT_FALSE(machine.router.set_priority(10, 0).has_value());
  EXPECT_FALSE(machine.router.set_priority(20, 3).has_value());
}

TEST(Router, AThresholdHoldsOffWhatIsNotAboveIt) {
  Machine machine;
  Driver driver;
  ASSERT_TRUE(
      machine.router.attach(5, driver, {.priority = 3, .harts = sync::HartSet::of(0)}).has_value());
  ASSERT_TRUE(machine.router.set_threshold(0, 3).has_value());
  machine.plic.raise(5);
  EXPECT_FALSE(machine.interrupts(0));
  ASSERT_TRUE(machine.router.set_threshold(0, 2).has_value());
  EXPECT_TRUE(machine.interrupts(0));
  machine.serve(0);
  EXPECT_EQ(driver.told.load(), 1u);
  EXPECT_FALSE(machine.router.set_threshold(0, kMaxPriority + 1).has_value());
  EXPECT_FALSE(machine.router.set_threshold(Machine::kHarts, 0).has_value());
}

TEST(Router, NobodyIsToldOfWhatWasDetached) {
  Machine machine;
  Driver driver;
  ASSERT_TRUE(machine.router.attach(9, driver, {}).has_value());
  machine.plic.raise(9);
  machine.router.detach(9);
  machine.serve_all();
  EXPECT_EQ(driver.told.load(), 0u);
  // A driver that is late, and one that gives up twice.
  machine.router.unmask(9);
  machine.router.detach(9);
  EXPECT_EQ(machine.plic.priority(9), 0u);
  // What came meanwhile is the next one's.
  Driver next;
  ASSERT_TRUE(machine.router.attach(9, next, {}).has_value());
  machine.serve_all();
  EXPECT_EQ(next.told.load(), 1u);
  EXPECT_EQ(driver.told.load(), 0u);
  // One that gives up before it has served its device leaves a source that works.
  machine.router.detach(9);
  machine.plic.raise(9);
  ASSERT_TRUE(machine.router.attach(9, driver, {}).has_value());
  machine.serve_all();
  EXPECT_EQ(driver.told.load(), 1u);
}

TEST(Router, InterruptsAreCountedByTheHartsThatTheyCameTo) {
  Machine machine;
  Driver driver;
  ASSERT_TRUE(machine.router.attach(6, driver, {.harts = sync::HartSet::of(2)}).has_value());
  for (unsigned i = 0; i < 5; ++i) {
    if (i == 3) {
      ASSERT_TRUE(machine.router.set_affinity(6, sync::HartSet::of(0)).has_value());
    }
    machine.plic.raise(6);
    machine.serve_all();
    machine.router.unmask(6);
  }
  EXPECT_EQ(machine.router.count(6, 0), 2u);
  EXPECT_EQ(machine.router.count(6, 1), 0u);
  EXPECT_EQ(machine.router.count(6, 2), 3u);
  EXPECT_EQ(machine.router.info(6)->count, 5u);
  EXPECT_EQ(machine.router.count(7, 2), 0u);
  // There are no such harts and sources.
  EXPECT_EQ(machine.router.count(6, Machine::kHarts), 0u);
  EXPECT_EQ(machine.router.count(6, sync::kMaxHarts), 0u);
  EXPECT_EQ(machine.router.count(PlicModel::kSources + 1, 2), 0u);
}

TEST(Router, StraysAreCountedMaskedAndToldOnceForEachSource) {
  Machine machine;
  for (const std::uint32_t source : {4U, 5U}) {
    for (unsigned i = 0; i < 3; ++i) {
      machine.plic.enable(source, Machine::context_of(1));
      machine.plic.set_level(source, true);
      ASSERT_TRUE(machine.interrupts(1));
      machine.serve(1);
      EXPECT_FALSE(machine.interrupts(1));
      EXPECT_EQ(machine.plic.priority(source), 0u);
    }
    EXPECT_EQ(machine.router.info(source)->strays, 3u);
  }
  EXPECT_EQ(machine.strays, (std::vector<std::uint32_t>{4, 5}));
}

/// Edges, and who should have been told of them, in random order with moves.
TEST(Router, WhatIsRaisedIsToldWhereverTheSourceIsMoved) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  constexpr std::uint32_t kUsed = 5;
  Machine machine;
  std::array<Driver, kUsed> drivers;
  std::array<bool, kUsed> owed{};
  const auto settle = [&](std::uint32_t i) {
    if (drivers[i].told.exchange(0) == 0) return;
    owed[i] = false;
    machine.router.unmask(i + 1);
  };
  for (std::uint32_t i = 0; i < kUsed; ++i) {
    ASSERT_TRUE(machine.router.attach(i + 1, drivers[i], {}).has_value());
  }
  for (unsigned step = 0; step < 20'000; ++step) {
    const std::uint32_t i = random() % kUsed;
    switch (random() % 4) {
      case 0:
        machine.plic.raise(i + 1);
        owed[i] = true;
        break;
      case 1:
        machine.serve(random() % Machine::kHarts);
        break;
      case 2: {
        const sync::HartSet harts(random() % 7 + 1);
        ASSERT_TRUE(machine.router.set_affinity(i + 1, harts).has_value());
        ASSERT_TRUE(harts.contains(machine.home(i + 1)));
        break;
      }
      default:
        settle(i);
    }
  }
  for (unsigned round = 0; round < 3; ++round) {
    machine.serve_all();
    for (std::uint32_t i = 0; i < kUsed; ++i) settle(i);
  }
  for (const bool is_owed : owed) EXPECT_FALSE(is_owed);
  // None is dead.
  for (std::uint32_t i = 0; i < kUsed; ++i) machine.plic.raise(i + 1);
  machine.serve_all();
  for (const Driver& driver : drivers) EXPECT_EQ(driver.told.load(), 1u);
}

}  // namespace
}  // namespace quoll::irq
