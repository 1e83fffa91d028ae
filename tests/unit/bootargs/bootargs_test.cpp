// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// How a line is taken apart, and which texts are values.
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include <quoll/bootargs/parts.hpp>
#include <quoll/bootargs/value.hpp>

namespace quoll::bootargs {
namespace {

std::vector<Part> take_apart(std::string_view line) {
  std::vector<Part> all;
  Parts parts(line);
  while (const auto part = parts.next()) all.push_back(*part);
  return all;
}

TEST(Parts, AreSeparatedBySpacesAndSemicolons) {
  const auto parts = take_apart(" a=1;b;;\tc=d=e \n=x\rf=");
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].name, "a");
  EXPECT_EQ(parts[0].value, "1");
  EXPECT_EQ(parts[1].name, "b");
  EXPECT_FALSE(parts[1].value.has_value());
  EXPECT_EQ(parts[2].name, "c");
  EXPECT_EQ(parts[2].value, "d=e");
  EXPECT_EQ(parts[3].name, "");
  EXPECT_EQ(parts[3].value, "x");
  EXPECT_EQ(parts[4].name, "f");
  EXPECT_EQ(parts[4].value, "");
  EXPECT_TRUE(take_apart("").empty());
  EXPECT_TRUE(take_apart(" ; ;\t").empty());
}

TEST(Parts, QuotesEncloseAWholeValue) {
  const auto parts = take_apart("a=\"b c;d\" e=\"\" f");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].text, "a=\"b c;d\"");
  EXPECT_EQ(parts[0].value, "b c;d");
  EXPECT_TRUE(parts[0].has_sound_quotes);
  EXPECT_EQ(parts[1].value, "");
  EXPECT_EQ(parts[2].name, "f");
}

TEST(Parts, AQuoteThatIsNotClosedHidesNothing) {
  const auto parts = take_apart("a=\"b c=d e=f");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_FALSE(parts[0].has_sound_quotes);
  EXPECT_EQ(parts[1].name, "c");
  EXPECT_EQ(parts[2].value, "f");
}

TEST(Parts, QuotesElsewhereAreNotSound) {
  for (const char* line : {"a=\"b\"c", "a=b\"c\"", "a=b\"", "a=\"", "a=\"b\"\"", "a=\"\"\""}) {
    const auto parts = take_apart(line);
    ASSERT_EQ(parts.size(), 1u) << line;
    EXPECT_FALSE(parts[0].has_sound_quotes) << line;
  }
}

/// The parts lie in the line in order, and what lies between them is separators.
void expect_all_of(std::string_view line) {
  std::size_t at = 0;
  for (const Part& part : take_apart(line)) {
    ASSERT_GE(part.text.data(), line.data() + at);
    const auto begin = static_cast<std::size_t>(part.text.data() - line.data());
    EXPECT_EQ(line.substr(at, begin - at).find_first_not_of(" ;\t\r\n"), std::string_view::npos);
    at = begin + part.text.size();
    ASSERT_LE(at, line.size());
    EXPECT_FALSE(part.text.empty());
    EXPECT_TRUE(part.text.starts_with(part.name));
  }
  EXPECT_EQ(line.substr(at).find_first_not_of(" ;\t\r\n"), std::string_view::npos);
}

TEST(Parts, EveryTruncationAndEveryByteIsTaken) {
  const std::string line = "paging=sv39;log=\"debug, boot=warn\" tests=Exec.*\ttests.list  x=\"y";
  for (std::size_t size = 0; size <= line.size(); ++size) {
    // A copy of that size, so that a read past its end is seen.
    const std::vector<char> part(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(size));
    expect_all_of({part.data(), part.size()});
    for (unsigned byte = 0; size < line.size() && byte < 256; ++byte) {
      std::string changed = line;
      changed[size] = static_cast<char>(byte);
      expect_all_of(changed);
    }
  }
}

TEST(Parts, AnythingIsTaken) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kLikely = "a=\" ;\t=b\"";
  for (int round = 0; round < 20'000; ++round) {
    std::string line(random() % 40, '\0');
    for (char& c : line) {
      c = random() % 4 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    }
    expect_all_of(line);
  }
  expect_all_of(std::string(1 << 20, '='));
  expect_all_of(std::string(1 << 20, '"'));
  expect_all_of("a=\"" + std::string(1 << 20, ' '));
}

TEST(Numbers, AreDecimalOrHexadecimal) {
  EXPECT_EQ(parse_number("0", Unit::kNone), 0u);
  EXPECT_EQ(parse_number("007", Unit::kNone), 7u);
  EXPECT_EQ(parse_number("0xFf", Unit::kNone), 255u);
  EXPECT_EQ(parse_number("18446744073709551615", Unit::kNone), ~std::uint64_t{0});
  EXPECT_EQ(parse_number("0xffffffffffffffff", Unit::kNone), ~std::uint64_t{0});
}

TEST(Numbers, HaveUnits) {
  EXPECT_EQ(parse_number("64K", Unit::kBytes), 64u << 10);
  EXPECT_EQ(parse_number("64", Unit::kBytes), 64u);
  EXPECT_EQ(parse_number("0x10M", Unit::kBytes), 16u << 20);
  EXPECT_EQ(parse_number("17179869183G", Unit::kBytes), std::uint64_t{17179869183} << 30);
  EXPECT_EQ(parse_number("10ms", Unit::kTime), 10'000'000u);
  EXPECT_EQ(parse_number("3ns", Unit::kTime), 3u);
  EXPECT_EQ(parse_number("2us", Unit::kTime), 2'000u);
  EXPECT_EQ(parse_number("60s", Unit::kTime), 60'000'000'000u);
  EXPECT_EQ(parse_number("0", Unit::kTime), 0u);
}

TEST(Numbers, NothingElseIsOne) {
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "x", "0x", "1x", "0xg", "1.5", "1e3", "18446744073709551616",
        "0x10000000000000000", "99999999999999999999999999999999", "64k", "1KK", "10ms"}) {
    EXPECT_FALSE(parse_number(text, Unit::kNone).has_value()) << text;
  }
  for (const char* text : {"K", "64k", "1T", "17179869184G", "1KK", "0xK"}) {
    EXPECT_FALSE(parse_number(text, Unit::kBytes).has_value()) << text;
  }
  for (const char* text : {"5", "5m", "5 ms", "18446744074s", "ms", "1sms"}) {
    EXPECT_FALSE(parse_number(text, Unit::kTime).has_value()) << text;
  }
}

TEST(Values, OfOtherKinds) {
  EXPECT_EQ(parse_switch("on"), true);
  EXPECT_EQ(parse_switch("off"), false);
  for (const char* text : {"", "ON", "1", "yes", "onn", "of"}) EXPECT_FALSE(parse_switch(text));
  constexpr Word kWords[] = {{"red", 3}, {"blue", 0}};
  EXPECT_EQ(parse_word("red", kWords), 3u);
  EXPECT_EQ(parse_word("blue", kWords), 0u);
  for (const char* text : {"", "re", "redd", "Red"}) EXPECT_FALSE(parse_word(text, kWords));
  for (const char* text : {"a", "a,b", "a=b,c"}) EXPECT_TRUE(is_list(text));
  for (const char* text : {"", ",", "a,", ",a", "a,,b"}) EXPECT_FALSE(is_list(text));
}

TEST(Values, AreShownAsTheyAre) {
  EXPECT_TRUE(is_printable("größe \"x\" 1,2"));
  for (const char* text : {"\x1b[31m", "a\tb", "\x7f", "\xff", "\xc3", "\u202e"}) {
    EXPECT_FALSE(is_printable(text));
  }
}

}  // namespace
}  // namespace quoll::bootargs
