// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include <quoll/arch/current.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/once.hpp>
#include <quoll/sync/protected.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::sync {
namespace {

template <typename F>
void on_threads(unsigned count, F&& f) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) threads.emplace_back([&f, i] { f(i); });
  for (std::thread& thread : threads) thread.join();
}

TEST(Protected, ExcludesOtherHarts) {
  Protected<int, IrqSpinLock<arch::Interrupts, LockRank::kHeap>> counter(0);
  on_threads(4, [&](unsigned) {
    for (int i = 0; i < 2000; ++i) counter.with([](int& n) { ++n; });
  });
  EXPECT_EQ(counter.with([](int& n) { return n; }), 8000);
}

TEST(IrqSpinLock, PutsInterruptsBackAsTheyWere) {
  IrqSpinLock<arch::Interrupts, LockRank::kHeap> outer;
  IrqSpinLock<arch::Interrupts, LockRank::kFrames> inner;
  const auto enabled = [] {
    const bool state = arch::Interrupts::save_and_disable();
    arch::Interrupts::restore(state);
    return state;
  };
  ASSERT_TRUE(enabled());
  {
    LockGuard first(outer);
    EXPECT_FALSE(enabled());
    {
      LockGuard second(inner);
      EXPECT_FALSE(enabled());
    }
    EXPECT_FALSE(enabled());
  }
  EXPECT_TRUE(enabled());
}

TEST(LockRankDeathTest, RefusesTheWrongOrder) {
  SpinLock<LockRank::kFrames> inner;
  SpinLock<LockRank::kHeap> outer;
  EXPECT_DEATH(
      {
        LockGuard first(inner);
        LockGuard second(outer);
      },
      "lock rank");
}

TEST(SpinLock, TryLockSaysWhenItIsTaken) {
  SpinLock<LockRank::kHeap> lock;
  if (lock.try_lock()) {
    std::thread([&] {
      const bool got = lock.try_lock();
      EXPECT_FALSE(got);
      if (got) lock.unlock();
    }).join();
    lock.unlock();
  } else {
    ADD_FAILURE();
  }
}

TEST(Once, CallsOnceAndEveryoneWaits) {
  Once once;
  std::atomic<int> calls{0};
  on_threads(4, [&](unsigned) {
    once.call([&] { ++calls; });
    EXPECT_EQ(calls.load(), 1);
  });
}

TEST(OnceCell, HoldsWhatItWasGiven) {
  OnceCell<std::vector<int>> cell;
  EXPECT_FALSE(cell.has_value());
  cell.emplace(3u, 7);
  EXPECT_EQ(cell.get().size(), 3u);
  std::destroy_at(&cell.get());
}

TEST(HartSet, HoldsAllSixtyFour) {
  HartSet set;
  for (unsigned hart = 0; hart < kMaxHarts; ++hart) {
    EXPECT_FALSE(set.contains(hart));
    set = set.with(hart);
    EXPECT_TRUE(set.contains(hart));
    EXPECT_EQ(set, HartSet::first(hart + 1));
  }
  EXPECT_EQ(set.without(63).count(), 63u);
  EXPECT_FALSE(set.contains(64));
  unsigned next = 0;
  set.for_each([&](unsigned hart) { EXPECT_EQ(hart, next++); });
}

}  // namespace
}  // namespace quoll::sync
