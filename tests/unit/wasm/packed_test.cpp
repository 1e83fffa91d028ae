// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arithmetic on the lanes of a word, against the same done lane by lane.
#include "interpret/packed.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <type_traits>

namespace quoll::wasm {
namespace {

template <typename T>
class PackedLanes : public testing::Test {
 protected:
  using P = Packed<T>;
  using Signed = std::make_signed_t<T>;
  static constexpr unsigned kBits = sizeof(T) * 8;

  static T lane(std::uint64_t word, unsigned i) { return static_cast<T>(word >> (i * kBits)); }
  static T flag(bool set) { return set ? static_cast<T>(-1) : T{0}; }
  static T clamp_signed(int v) {
    return static_cast<T>(
        std::clamp<int>(v, std::numeric_limits<Signed>::min(), std::numeric_limits<Signed>::max()));
  }
  static T clamp_unsigned(int v) {
    return static_cast<T>(std::clamp<int>(v, 0, std::numeric_limits<T>::max()));
  }

  /// Expects of every lane of `word` what `f` gives for its number.
  template <typename F>
  static void expect_lanes(std::uint64_t word, const char* what, F f) {
    for (unsigned i = 0; i < 64 / kBits; ++i) ASSERT_EQ(lane(word, i), f(i)) << what << " " << i;
  }

  static void check_pair(std::uint64_t a, std::uint64_t b) {
    const auto u = [&](unsigned i) { return int{lane(a, i)}; };
    const auto v = [&](unsigned i) { return int{lane(b, i)}; };
    const auto s = [&](unsigned i) { return int{static_cast<Signed>(lane(a, i))}; };
    const auto t = [&](unsigned i) { return int{static_cast<Signed>(lane(b, i))}; };
    expect_lanes(P::add(a, b), "add", [&](auto i) { return static_cast<T>(u(i) + v(i)); });
    expect_lanes(P::sub(a, b), "sub", [&](auto i) { return static_cast<T>(u(i) - v(i)); });
    expect_lanes(P::spread(P::differ(a, b)), "differ", [&](auto i) { return flag(u(i) != v(i)); });
    expect_lanes(P::spread(P::less_unsigned(a, b)), "less unsigned",
                 [&](auto i) { return flag(u(i) < v(i)); });
    expect_lanes(P::spread(P::less_signed(a, b)), "less signed",
                 [&](auto i) { return flag(s(i) < t(i)); });
    expect_lanes(P::average(a, b), "average",
                 [&](auto i) { return static_cast<T>((u(i) + v(i) + 1) / 2); });
    expect_lanes(P::add_saturated_signed(a, b), "add, saturated, signed",
                 [&](auto i) { return clamp_signed(s(i) + t(i)); });
    expect_lanes(P::add_saturated_unsigned(a, b), "add, saturated, unsigned",
                 [&](auto i) { return clamp_unsigned(u(i) + v(i)); });
    expect_lanes(P::sub_saturated_signed(a, b), "sub, saturated, signed",
                 [&](auto i) { return clamp_signed(s(i) - t(i)); });
    expect_lanes(P::sub_saturated_unsigned(a, b), "sub, saturated, unsigned",
                 [&](auto i) { return clamp_unsigned(u(i) - v(i)); });
  }

  static void check_one(std::uint64_t a) {
    const auto u = [&](unsigned i) { return lane(a, i); };
    const auto s = [&](unsigned i) { return static_cast<Signed>(lane(a, i)); };
    expect_lanes(P::absolute(a), "absolute",
                 [&](auto i) { return static_cast<T>(s(i) < 0 ? -int{s(i)} : int{s(i)}); });
    for (unsigned n = 0; n < kBits; ++n) {
      expect_lanes(P::shift_left(a, n), "shl", [&](auto i) { return static_cast<T>(u(i) << n); });
      expect_lanes(P::shift_right(a, n), "shr", [&](auto i) { return static_cast<T>(u(i) >> n); });
      expect_lanes(P::shift_right_signed(a, n), "shr signed",
                   [&](auto i) { return static_cast<T>(s(i) >> n); });
    }
    std::uint64_t tops = 0;
    bool all = true;
    for (unsigned i = 0; i < 64 / kBits; ++i) {
      tops |= std::uint64_t{s(i) < 0} << i;
      all = all && u(i) != 0;
    }
    ASSERT_EQ(P::top_bits(a), tops);
    ASSERT_EQ(P::all_true(a), all);
  }
};

using LaneTypes = testing::Types<std::uint8_t, std::uint16_t>;
TYPED_TEST_SUITE(PackedLanes, LaneTypes);

/// Numbers at which something changes, for one lane; its neighbours are drawn by chance.
TYPED_TEST(PackedLanes, AgreeWithLanesOneByOne) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr TypeParam kEdges[] = {0,
                                  1,
                                  2,
                                  TypeParam(-1),
                                  TypeParam(-2),
                                  TypeParam(-1) / 2,
                                  TypeParam(-1) / 2 + 1,
                                  TypeParam(-1) / 2 + 2};
  const auto word = [&] {
    std::uint64_t out = random();
    for (unsigned i = 0; i < sizeof(out) / sizeof(TypeParam); ++i) {
      if (random() % 2 == 0) continue;
      const unsigned shift = i * sizeof(TypeParam) * 8;
      out &= ~(std::uint64_t{static_cast<TypeParam>(-1)} << shift);
      out |= std::uint64_t{kEdges[random() % std::size(kEdges)]} << shift;
    }
    return out;
  };
  for (int round = 0; round < 20000 && !this->HasFatalFailure(); ++round) {
    const std::uint64_t a = word();
    const std::uint64_t b = word();
    SCOPED_TRACE(testing::Message() << std::hex << a << " " << b);
    this->check_pair(a, b);
    if (round % 10 == 0) this->check_one(a);
  }
}

TEST(PackedBytes, AllPairsAgree) {
  using P = Packed<std::uint8_t>;
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      // Beside lanes of all ones, of which a carry would be seen.
      const std::uint64_t x = 0xff00ff0000ff00ffu | std::uint64_t{a} << 24;
      const std::uint64_t y = 0xff00ff0000ff00ffu | std::uint64_t{b} << 24;
      ASSERT_EQ(P::add(x, y) >> 24 & 0xff, (a + b) & 0xff);
      ASSERT_EQ(P::sub(x, y) >> 24 & 0xff, (a - b) & 0xff);
      ASSERT_EQ(P::add_saturated_unsigned(x, y) >> 24 & 0xff, std::min(a + b, 255u));
      ASSERT_EQ(P::sub_saturated_unsigned(x, y) >> 24 & 0xff, a < b ? 0 : a - b);
      ASSERT_EQ(P::spread(P::less_unsigned(x, y)) >> 24 & 0xff, a < b ? 0xffu : 0u);
    }
    const std::uint64_t x = 0xff00ff0000ff00ffu | std::uint64_t{a} << 24;
    ASSERT_EQ(P::count_ones(x), 0x0800080000080008u | std::uint64_t(std::popcount(a)) << 24);
  }
}

}  // namespace
}  // namespace quoll::wasm
