// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>
#include <string>

#include <quoll/kernel/guest/clock_scale.hpp>

namespace quoll::guest {
namespace {

TEST(ClockScale, CountsNanosecondsFromBoot) {
  const ClockScale clock(10'000'000, 1000);
  EXPECT_EQ(clock.to_nanoseconds(0), 0u);
  EXPECT_EQ(clock.to_nanoseconds(1000), 0u);
  EXPECT_EQ(clock.to_nanoseconds(1001), 100u);
  EXPECT_EQ(clock.to_ticks(0), 1000u);
  EXPECT_EQ(clock.to_ticks(1), 1001u);
  EXPECT_EQ(clock.to_ticks(100), 1001u);
  EXPECT_EQ(clock.to_ticks(101), 1002u);
  EXPECT_EQ(clock.to_ticks(~std::uint64_t{0}), ~std::uint64_t{0});
  EXPECT_EQ(clock.to_ticks(std::uint64_t{1} << 63), ~std::uint64_t{0});
}

TEST(ClockScale, ThePageSaysTheSameAsTheKernel) {
  const ClockScale clock(24'000'000, 7);
  const abi::TimePage page = clock.page(5);
  const std::uint64_t ticks = 123'456'789'012;
  __extension__ using Wide = unsigned __int128;
  EXPECT_EQ(
      static_cast<std::uint64_t>((Wide{ticks - page.boot_ticks} * page.multiplier) >> page.shift),
      clock.to_nanoseconds(ticks));
  EXPECT_EQ(page.realtime_offset_ns, 5u);
}

TEST(ClockScale, TicksAreTheFirstThatAreNotBefore) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const std::uint64_t hz :
       {1u, 3u, 32'768u, 1'000'000u, 4'000'000u, 24'000'000u, 999'999'937u}) {
    const ClockScale clock(hz, 12345);
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t ns = random() >> (2 + random() % 60);
      const std::uint64_t ticks = clock.to_ticks(ns);
      if (ticks == ~std::uint64_t{0}) continue;
      EXPECT_GE(clock.to_nanoseconds(ticks), ns) << hz;
      // Not later than what the clock's rounding forces, and one tick.
      EXPECT_LE(clock.to_nanoseconds(ticks - 1), ns + 1'000'000'000 / hz + 1) << hz;
    }
  }
}

}  // namespace
}  // namespace quoll::guest
