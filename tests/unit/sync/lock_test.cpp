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

template <typename Lock>
void take_twice(Lock& lock) QUOLL_NO_THREAD_SAFETY_ANALYSIS {
  lock.lock();
  lock.lock();
}

TEST(LockWatchDeathTest, TakenTwiceByOneHartIsForEver) {
  SpinLock<LockRank::kHeap> plain;
  IrqSpinLock<arch::Interrupts, LockRank::kHeap> irq;
  EXPECT_DEATH(take_twice(plain), "taken twice");
  EXPECT_DEATH(take_twice(irq), "taken twice");
}

// What the watch was told, and a lock that is let go once it was.
struct Told {
  std::atomic<std::uintptr_t> holder{0};
  std::atomic<bool> taken_at_known{false};
  std::atomic<int> ranks{0};
  std::atomic<int> calls{0};
  std::atomic<int> over{0};
};
Told* told = nullptr;
constexpr LockWatch kTellingWatch{
    .waiting =
        [](LockWait& wait) noexcept {
          told->holder = wait.owner().hart();
          told->taken_at_known = wait.owner().taken_at() != 0 && wait.asked_at() != 0;
          told->ranks = static_cast<int>(wait.rank());
          wait.reported = ++told->calls >= 3;
        },
    .over = [](const LockWait&) noexcept { ++told->over; },
    .taken_twice = [](const LockWait&) noexcept { std::abort(); },
};

template <typename Lock>
void wait_for_holder(int rank) {
  Told here;
  told = &here;
  set_lock_watch(kTellingWatch);
  Lock lock;
  const std::uintptr_t holder = LockOwner::this_hart();
  {
    std::thread waiter;
    {
      LockGuard guard(lock);
      waiter = std::thread([&] { LockGuard other(lock); });
      while (here.calls.load() < 3) std::this_thread::yield();
    }
    waiter.join();
  }
  EXPECT_EQ(here.holder.load(), holder);
  EXPECT_TRUE(here.taken_at_known.load());
  EXPECT_EQ(here.ranks.load(), rank);
  EXPECT_EQ(here.over.load(), 1);
  // A lock that comes at once is nobody's business.
  const int calls = here.calls.load();
  {
    LockGuard guard(lock);
  }
  EXPECT_EQ(here.calls.load(), calls);
  static constexpr LockWatch kSilent{
      .waiting = [](LockWait&) noexcept {},
      .over = [](const LockWait&) noexcept {},
      .taken_twice = [](const LockWait&) noexcept { std::abort(); },
  };
  set_lock_watch(kSilent);
}

TEST(LockWatch, IsToldWhoHoldsWhatIsWaitedFor) {
  wait_for_holder<SpinLock<LockRank::kDevice>>(static_cast<int>(LockRank::kDevice));
  wait_for_holder<IrqSpinLock<arch::Interrupts, LockRank::kHeap>>(
      static_cast<int>(LockRank::kHeap));
}

TEST(LockWatch, TwoLocksOfTwoRanksAreNotOneTakenTwice) {
  SpinLock<LockRank::kDevice> outer;
  SpinLock<LockRank::kHeap> inner;
  std::atomic<bool> holds{false};
  std::atomic<bool> let_go{false};
  std::thread other([&] {
    LockGuard guard(inner);
    holds = true;
    while (!let_go.load()) std::this_thread::yield();
  });
  while (!holds.load()) std::this_thread::yield();
  LockGuard guard(outer);
  std::thread release([&] { let_go = true; });
  {
    LockGuard waits(inner);
  }
  release.join();
  other.join();
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
