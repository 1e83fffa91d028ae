// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/reader.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string_view>
#include <vector>

#include "module_builder.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;

template <typename T>
testing::AssertionResult reads(bool (Reader::*read)(T&), const Bytes& bytes, T expected) {
  Reader reader(bytes, 0);
  T value{};
  if (!(reader.*read)(value)) return testing::AssertionFailure() << text(reader.error().rule);
  if (value != expected) return testing::AssertionFailure() << value;
  if (!reader.at_end()) return testing::AssertionFailure() << "bytes are left";
  return testing::AssertionSuccess();
}

template <typename T>
Rule refuses(bool (Reader::*read)(T&), const Bytes& bytes) {
  constexpr std::uint64_t kBase = 100;
  Reader reader(bytes, kBase);
  T value{};
  EXPECT_FALSE((reader.*read)(value));
  EXPECT_GE(reader.error().offset, kBase);
  return reader.error().rule;
}

TEST(Reader, ReadsUnsignedNumbersToTheEdge) {
  EXPECT_TRUE(reads(&Reader::read_u32, {0x00}, 0u));
  EXPECT_TRUE(reads(&Reader::read_u32, {0x7f}, 127u));
  EXPECT_TRUE(reads(&Reader::read_u32, {0x80, 0x01}, 128u));
  EXPECT_TRUE(reads(&Reader::read_u32, {0xff, 0xff, 0xff, 0xff, 0x0f}, 0xffffffffu));
  EXPECT_TRUE(reads(&Reader::read_u32, {0x80, 0x80, 0x80, 0x80, 0x00}, 0u));
}

TEST(Reader, RefusesUnsignedNumbersThatOverflow) {
  EXPECT_EQ(refuses(&Reader::read_u32, {0xff, 0xff, 0xff, 0xff, 0x1f}), Rule::kLebTooLarge);
  EXPECT_EQ(refuses(&Reader::read_u32, {0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), Rule::kLebTooLong);
  EXPECT_EQ(refuses(&Reader::read_u32, {0x80, 0x80}), Rule::kUnexpectedEnd);
  EXPECT_EQ(refuses(&Reader::read_u32, {}), Rule::kUnexpectedEnd);
}

TEST(Reader, ReadsSignedNumbersToTheEdge) {
  constexpr auto kMin32 = std::numeric_limits<std::int32_t>::min();
  constexpr auto kMin64 = std::numeric_limits<std::int64_t>::min();
  EXPECT_TRUE(reads(&Reader::read_s32, {0x7f}, -1));
  EXPECT_TRUE(reads(&Reader::read_s32, {0x80, 0x80, 0x80, 0x80, 0x78}, kMin32));
  EXPECT_TRUE(reads(&Reader::read_s32, {0xff, 0xff, 0xff, 0xff, 0x07}, 0x7fffffff));
  EXPECT_TRUE(reads(&Reader::read_s64, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
                    kMin64));
  EXPECT_TRUE(reads(&Reader::read_s33, {0xff, 0xff, 0xff, 0xff, 0x0f}, std::int64_t{0xffffffff}));
}

TEST(Reader, RefusesSignedNumbersThatOverflow) {
  EXPECT_EQ(refuses(&Reader::read_s32, {0xff, 0xff, 0xff, 0xff, 0x0f}), Rule::kLebTooLarge);
  EXPECT_EQ(refuses(&Reader::read_s32, {0x80, 0x80, 0x80, 0x80, 0x70}), Rule::kLebTooLarge);
  EXPECT_EQ(refuses(&Reader::read_s32, {0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), Rule::kLebTooLong);
  EXPECT_EQ(
      refuses(&Reader::read_s64, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}),
      Rule::kLebTooLarge);
}

TEST(Reader, SignedNumbersSurviveTheRoundTrip) {
  for (const std::int64_t v : {std::int64_t{0}, std::int64_t{63}, std::int64_t{64},
                               std::int64_t{-64}, std::int64_t{-65}, std::int64_t{1} << 40}) {
    EXPECT_TRUE(reads(&Reader::read_s64, test::signed_leb(v), v));
  }
}

TEST(Reader, CountsAreComparedWithWhatRemains) {
  const Bytes bytes = {0x05, 1, 2, 3};
  Reader reader(bytes, 0);
  std::uint32_t count;
  EXPECT_FALSE(reader.read_count(count));
  EXPECT_EQ(reader.error().rule, Rule::kLengthOutOfBounds);
  EXPECT_EQ(reader.error().offset, 0u);
}

TEST(Reader, TheFirstErrorSticks) {
  const Bytes bytes = {0x80};
  Reader reader(bytes, 7);
  std::uint32_t value;
  EXPECT_FALSE(reader.read_u32(value));
  EXPECT_FALSE(reader.fail(Rule::kBadMagic, 0));
  EXPECT_EQ(reader.error().rule, Rule::kUnexpectedEnd);
  EXPECT_EQ(reader.error().offset, 8u);
}

TEST(Utf8, AcceptsTheEdgesOfEachLength) {
  for (const Bytes& bytes : std::vector<Bytes>{{},
                                               {0x00},
                                               {0x7f},
                                               {0xc2, 0x80},
                                               {0xdf, 0xbf},
                                               {0xe0, 0xa0, 0x80},
                                               {0xed, 0x9f, 0xbf},
                                               {0xee, 0x80, 0x80},
                                               {0xf0, 0x90, 0x80, 0x80},
                                               {0xf4, 0x8f, 0xbf, 0xbf}}) {
    EXPECT_TRUE(is_utf8(bytes));
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndCutOff) {
  for (const Bytes& bytes : std::vector<Bytes>{{0x80},
                                               {0xc0, 0x80},
                                               {0xc1, 0xbf},
                                               {0xe0, 0x9f, 0xbf},
                                               {0xed, 0xa0, 0x80},
                                               {0xf0, 0x8f, 0xbf, 0xbf},
                                               {0xf4, 0x90, 0x80, 0x80},
                                               {0xf8, 0x88, 0x80, 0x80, 0x80},
                                               {0xff},
                                               {0xe2, 0x82}}) {
    EXPECT_FALSE(is_utf8(bytes));
  }
}

}  // namespace
}  // namespace quoll::wasm
