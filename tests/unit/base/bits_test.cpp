// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>

#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/base/scope_exit.hpp>
#include <quoll/base/strong_id.hpp>

namespace quoll::base {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Bits, AlignsBothWays) {
  EXPECT_EQ(align_up(std::uint64_t{1}, 4096), 4096u);
  EXPECT_EQ(align_up(std::uint64_t{4096}, 4096), 4096u);
  EXPECT_EQ(align_down(std::uint64_t{8191}, 4096), 4096u);
  EXPECT_FALSE(checked_align_up(kMax, 4096).has_value());
  EXPECT_EQ(div_ceil(kMax, 2), std::uint64_t{1} << 63);
}

TEST(Bits, ExtractsFields) {
  EXPECT_EQ((extract_bits<4, 8>(0xabcdu)), 0xbcu);
  EXPECT_EQ((extract_bits<0, 64>(kMax)), kMax);
}

TEST(Bits, ReadsBigEndian) {
  const unsigned char bytes[] = {0x12, 0x34, 0x56, 0x78};
  EXPECT_EQ(load_be<std::uint32_t>(bytes), 0x12345678u);
}

TEST(Checked, SaysWhenItOverflows) {
  EXPECT_FALSE(checked_add(kMax, std::uint64_t{1}).has_value());
  EXPECT_FALSE(checked_sub(std::uint64_t{0}, std::uint64_t{1}).has_value());
  EXPECT_FALSE(checked_mul(kMax, std::uint64_t{2}).has_value());
  EXPECT_EQ(checked_add(2, 3).value(), 5);
}

TEST(Checked, FitsWithinAtTheEdges) {
  EXPECT_TRUE(fits_within<std::uint64_t>(4, 4, 8));
  EXPECT_FALSE(fits_within<std::uint64_t>(4, 5, 8));
  EXPECT_FALSE(fits_within<std::uint64_t>(kMax, 2, 8));
  EXPECT_FALSE(fits_within<std::uint64_t>(1, kMax, 8));
  EXPECT_TRUE(fits_within<std::uint64_t>(8, 0, 8));
}

TEST(ScopeExit, RunsUnlessReleased) {
  int runs = 0;
  {
    ScopeExit guard([&] { ++runs; });
  }
  {
    ScopeExit guard([&] { ++runs; });
    guard.release();
  }
  EXPECT_EQ(runs, 1);
}

TEST(StrongId, ComparesByValue) {
  using Id = StrongId<struct IdTag, int>;
  EXPECT_LT(Id(1), Id(2));
  EXPECT_EQ(Id(3).value(), 3);
}

}  // namespace
}  // namespace quoll::base
