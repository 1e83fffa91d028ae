// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include <quoll/runtime/clock.hpp>

namespace quoll::runtime {
namespace {

__extension__ using Wide = unsigned __int128;

TEST(TimeScale, AgreesWithWideArithmeticAtEveryShift) {
  for (std::uint32_t shift = 0; shift < 128; ++shift) {
    for (const std::uint64_t multiplier :
         {std::uint64_t{1}, std::uint64_t{100} << 32, ~std::uint64_t{0}}) {
      const TimeScale scale{.boot_ticks = 1000,
                            .multiplier = multiplier,
                            .shift = shift,
                            .timebase_hz = 10'000'000,
                            .realtime_offset_ns = 0};
      for (const std::uint64_t ticks :
           {std::uint64_t{0}, std::uint64_t{12345}, ~std::uint64_t{0}}) {
        const Wide expected = ticks < 1000 ? 0 : (Wide{ticks - 1000} * multiplier) >> shift;
        EXPECT_EQ(scale.nanoseconds(ticks), static_cast<std::uint64_t>(expected)) << shift;
      }
    }
  }
}

TEST(TimeScale, KnowsTheLengthOfATick) {
  TimeScale scale{.boot_ticks = 0,
                  .multiplier = 0,
                  .shift = 0,
                  .timebase_hz = 10'000'000,
                  .realtime_offset_ns = 0};
  EXPECT_EQ(scale.resolution_ns(), 100u);
  scale.timebase_hz = 4'000'000'000;
  EXPECT_EQ(scale.resolution_ns(), 1u);
  scale.timebase_hz = 0;
  EXPECT_EQ(scale.resolution_ns(), 1u);
}

TEST(TimeScale, WaitsUntilThePageIsWhole) {
  abi::TimePage page{};
  page.sequence = 1;
  page.multiplier = 5;
  std::thread kernel([&page] {
    std::atomic_ref<std::uint64_t>(page.multiplier).store(7, std::memory_order_relaxed);
    std::atomic_ref<std::uint32_t>(page.sequence).store(2, std::memory_order_release);
  });
  EXPECT_EQ(TimeScale::read(page).multiplier, 7u);
  kernel.join();
}

}  // namespace
}  // namespace quoll::runtime
