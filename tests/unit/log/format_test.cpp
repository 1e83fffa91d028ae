// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include <quoll/base/strong_id.hpp>
#include <quoll/log/format.hpp>

namespace quoll::log {
namespace {

template <typename... A>
std::string text(Format<std::type_identity_t<A>...> format, const A&... values) {
  std::array<char, 200> buffer;
  return std::string(buffer.data(), format_to(std::span<char>(buffer), format, values...));
}

TEST(Format, PrintsEveryKind) {
  using Id = base::StrongId<struct IdTag, unsigned>;
  enum class Colour : int { kRed = 3 };
  EXPECT_EQ(text("{} {} {}", 1, -2, 3u), "1 -2 3");
  EXPECT_EQ(text("{} {} {}", true, 'x', "word"), "true x word");
  EXPECT_EQ(text("{} {}", Id(7), Colour::kRed), "7 3");
  EXPECT_EQ(text("{}", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(text("{}", std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  const char* null = nullptr;
  EXPECT_EQ(text("{}", null), "(null)");
}

TEST(Format, ObeysSpecifications) {
  EXPECT_EQ(text("{:x} {:#x} {:#010x} {:4}|", 255, 255, 255, 7), "ff 0xff 0x000000ff    7|");
  EXPECT_EQ(text("{:6}|{:c}", "ab", 65u), "ab    |A");
  EXPECT_EQ(text("{:05}", -12), "-0012");
  EXPECT_EQ(text("{{}} {}", 1), "{} 1");
}

TEST(Format, CutsWhatDoesNotFit) {
  std::array<char, 4> buffer{};
  EXPECT_EQ(format_to(std::span<char>(buffer), "{}", 123456), 4u);
  EXPECT_EQ(std::string(buffer.data(), 4), "1234");
  EXPECT_EQ(format_to(std::span<char>(), "{}", 1), 0u);
}

}  // namespace
}  // namespace quoll::log
