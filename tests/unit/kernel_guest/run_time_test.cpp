// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>

#include <quoll/kernel/guest/run_time.hpp>

namespace quoll::guest {
namespace {

std::uint64_t at(const RunTime& time, std::uint64_t now) {
  return time.read([now] { return now; });
}

TEST(RunTime, IsTheSumOfWhatWasRun) {
  RunTime time;
  EXPECT_EQ(at(time, 50), 0u);
  time.start(100);
  EXPECT_EQ(at(time, 100), 0u);
  EXPECT_EQ(at(time, 130), 30u);
  time.stop(140);
  EXPECT_EQ(at(time, 1'000'000), 40u);
  time.start(2'000'000);
  EXPECT_EQ(at(time, 2'000'000), 40u);
  EXPECT_EQ(at(time, 2'000'005), 45u);
  time.stop(2'000'005);
  EXPECT_EQ(at(time, 2'000'006), 45u);
}

TEST(RunTime, CanBeStartedAtTheFirstTickAndStoppedAtOnce) {
  RunTime time;
  time.start(0);
  time.stop(0);
  EXPECT_EQ(at(time, 9), 0u);
  time.start(0);
  EXPECT_EQ(at(time, 9), 9u);
}

}  // namespace
}  // namespace quoll::guest
