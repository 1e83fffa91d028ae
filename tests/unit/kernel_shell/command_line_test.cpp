// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/kernel/shell/command_line.hpp>

namespace quoll::shell {
namespace {

std::vector<std::string> words(std::string_view line) {
  const auto split = CommandLine::split(line);
  EXPECT_TRUE(split.has_value()) << line;
  std::vector<std::string> out;
  if (split) {
    for (const std::string_view word : split->words()) out.emplace_back(word);
  }
  return out;
}

using Words = std::vector<std::string>;

TEST(CommandLine, SeparatesWordsAtBlanks) {
  EXPECT_EQ(words(""), Words{});
  EXPECT_EQ(words(" \t "), Words{});
  EXPECT_EQ(words("  run  a.wasm\tb "), (Words{"run", "a.wasm", "b"}));
}

TEST(CommandLine, QuotesKeepBlanksAndEmptyWords) {
  EXPECT_EQ(words("a 'b  c' \"d e\"f ''"), (Words{"a", "b  c", "d ef", ""}));
  EXPECT_EQ(words("'a\"b' \"c'd\""), (Words{"a\"b", "c'd"}));
  EXPECT_EQ(words("a\\ b \"c\\\"d\" 'e\\f'"), (Words{"a b", "c\"d", "e\\f"}));
  EXPECT_EQ(words("'&' a\\&b"), (Words{"&", "a&b"}));
}

TEST(CommandLine, AnAmpersandAtTheEndMeansBackground) {
  for (const char* line : {"run a &", "run a&", "run a & "}) {
    const auto split = CommandLine::split(line);
    ASSERT_TRUE(split.has_value());
    EXPECT_TRUE(split->background());
    EXPECT_EQ(words(line), (Words{"run", "a"}));
  }
  EXPECT_EQ(CommandLine::split("&").error(), SplitError::kMisplacedAmpersand);
  EXPECT_EQ(CommandLine::split("a & b").error(), SplitError::kMisplacedAmpersand);
  EXPECT_EQ(CommandLine::split("a &&").error(), SplitError::kMisplacedAmpersand);
}

TEST(CommandLine, SaysWhatIsUnfinished) {
  EXPECT_EQ(CommandLine::split("a 'b").error(), SplitError::kUnclosedQuote);
  EXPECT_EQ(CommandLine::split("\"").error(), SplitError::kUnclosedQuote);
  EXPECT_EQ(CommandLine::split("a\\").error(), SplitError::kTrailingBackslash);
}

}  // namespace
}  // namespace quoll::shell
