// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include <quoll/kernel/watchdog/hart_watch.hpp>
#include <quoll/kernel/watchdog/lock_limit.hpp>

namespace quoll::watchdog {
namespace {

constexpr std::uint64_t kLimit = 100;

TEST(HartWatch, AHartThatWasNeverStartedIsNotExpected) {
  HartWatch watch;
  EXPECT_FALSE(watch.claim(1'000'000, kLimit));
}

TEST(HartWatch, IsReportedOnceTheLimitHasPassedAndNotBefore) {
  HartWatch watch;
  watch.start(1000);
  EXPECT_FALSE(watch.claim(1000 + kLimit - 1, kLimit));
  EXPECT_EQ(watch.claim(1000 + kLimit, kLimit), kLimit);
  EXPECT_FALSE(watch.claim(1000 + 5 * kLimit, kLimit));
}

TEST(HartWatch, SaysHowLongItWasAwayWhenItComesBackAndOnlyIfItWasMissed) {
  HartWatch watch;
  watch.start(1000);
  EXPECT_FALSE(watch.reached(1090));
  ASSERT_TRUE(watch.claim(1200, kLimit));
  EXPECT_EQ(watch.reached(1300), 210u);
  EXPECT_FALSE(watch.reached(1310));
}

TEST(HartWatch, EachAbsenceIsReported) {
  HartWatch watch;
  watch.start(1000);
  for (std::uint64_t now = 2000; now < 10'000; now += 1000) {
    EXPECT_TRUE(watch.claim(now, kLimit));
    EXPECT_TRUE(watch.reached(now + 10));
  }
}

TEST(HartWatch, ACountThatStandsStillIsNoProgress) {
  HartWatch watch;
  watch.start(1000);
  EXPECT_FALSE(watch.progress(7, 1050));  // noted
  EXPECT_FALSE(watch.progress(7, 1140));
  EXPECT_EQ(watch.claim(1150, kLimit), kLimit);
  EXPECT_FALSE(watch.progress(7, 1200));
  EXPECT_EQ(watch.progress(8, 1250), 200u);
}

TEST(HartWatch, AHartThatIsAheadOfTheOneThatLooksIsNotMissed) {
  HartWatch watch;
  watch.start(1000);
  (void)watch.reached(5000);
  EXPECT_FALSE(watch.claim(4000, kLimit));
}

TEST(HartWatch, OfManyThatLookOneReports) {
  constexpr int kRounds = 200;
  HartWatch watch;
  watch.start(1);
  std::atomic<int> reports{0};
  std::atomic<int> round{0};
  std::atomic<int> done{0};
  std::vector<std::thread> lookers;
  for (int i = 0; i < 4; ++i) {
    lookers.emplace_back([&] {
      for (int r = 1; r <= kRounds; ++r) {
        while (round.load() < r) std::this_thread::yield();
        if (watch.claim(static_cast<std::uint64_t>(r) * 1000, kLimit)) ++reports;
        ++done;
      }
    });
  }
  for (int r = 1; r <= kRounds; ++r) {
    round = r;
    while (done.load() < r * 4) std::this_thread::yield();
    EXPECT_EQ(reports.load(), r);
    EXPECT_TRUE(watch.reached(static_cast<std::uint64_t>(r) * 1000 + 1));
  }
  for (std::thread& looker : lookers) looker.join();
}

TEST(LockLimit, AWaitIsReportedOnceAndCountsFromTheFirstQuestion) {
  sync::LockOwner owner;
  sync::LockWait wait(sync::LockRank::kHeap, owner, nullptr);
  EXPECT_FALSE(is_too_long(wait, 500, kLimit));
  EXPECT_FALSE(is_too_long(wait, 599, kLimit));
  EXPECT_TRUE(is_too_long(wait, 600, kLimit));
  EXPECT_FALSE(is_too_long(wait, 900, kLimit));
  EXPECT_TRUE(wait.reported);
  wait.reported = false;  // nobody is there to be told that it is over
}

TEST(LockLimit, ZeroIsNoLimit) {
  sync::LockOwner owner;
  sync::LockWait wait(sync::LockRank::kHeap, owner, nullptr);
  EXPECT_FALSE(is_too_long(wait, 1, 0));
  EXPECT_FALSE(is_too_long(wait, ~std::uint64_t{0}, 0));
}

}  // namespace
}  // namespace quoll::watchdog
