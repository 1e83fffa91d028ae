// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "selection.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace quoll::tests {

/// The runner's own knows more; for an order it is something that lies somewhere.
struct Test {
  int number = 0;
};

namespace {

TEST(Filter, KnowsNamesSuitesAndPatterns) {
  EXPECT_EQ(match("Exec.Storm", "Exec.Storm"), Match::kInFull);
  EXPECT_EQ(match("Exec", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("Exec.*", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("*", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("*.St??m", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("*o*m*", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("Exec.*,Exec.Storm", "Exec.Storm"), Match::kInFull);
  EXPECT_EQ(match("Heap:Exec", "Exec.Storm"), Match::kPattern);
  for (const char* filter :
       {"Exe", "Exec.", "Exec.Stor", "Exec.Storms", "xExec", "?", "*.Storm?", "exec", "Storm"}) {
    EXPECT_EQ(match(filter, "Exec.Storm"), Match::kNone) << filter;
  }
}

TEST(Filter, TakesOutWhatStandsBehindAMinus) {
  EXPECT_EQ(match("Exec.*-Exec.Storm", "Exec.Storm"), Match::kNone);
  EXPECT_EQ(match("Exec.*-Exec.Storm", "Exec.Sleep"), Match::kPattern);
  EXPECT_EQ(match("Exec,-*Storm,Exec.Nap", "Exec.Nap"), Match::kNone);
  EXPECT_EQ(match("-Exec", "Exec.Storm"), Match::kNone);
  EXPECT_EQ(match("-Exec", "Heap.Grows"), Match::kPattern);
  EXPECT_EQ(match("Exec.Storm-Exec.*", "Exec.Storm"), Match::kNone) << "the minus wins";
  EXPECT_EQ(match("", "Exec.Storm"), Match::kPattern);
  EXPECT_EQ(match("-", "Exec.Storm"), Match::kPattern);
}

/// The definition, without any cleverness.
bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    return fits(pattern.substr(1), text) || (!text.empty() && fits(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         fits(pattern.substr(1), text.substr(1));
}

TEST(Filter, IsWhatItsDefinitionSays) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kLetters = "ab.*?";
  for (int round = 0; round < 50'000; ++round) {
    std::string pattern(1 + random() % 7, '\0');
    std::string text(random() % 8, '\0');
    for (char& c : pattern) c = kLetters[random() % 5];
    for (char& c : text) c = kLetters[random() % 3];
    const bool suite = pattern == text.substr(0, text.find('.'));
    EXPECT_EQ(match(pattern, text) != Match::kNone, suite || fits(pattern, text))
        << pattern << " and " << text;
  }
  const std::string hard = std::string(200, '*') + "x";
  EXPECT_EQ(match(hard, std::string(10'000, 'y')), Match::kNone);
}

TEST(Shuffle, IsAPermutationThatTheSeedDecides) {
  std::array<tests::Test, 20> tests;
  std::vector<const tests::Test*> in_order;
  for (const tests::Test& test : tests) in_order.push_back(&test);
  const auto shuffled = [&](std::uint64_t seed) {
    std::vector<const tests::Test*> order = in_order;
    shuffle(order, seed);
    return order;
  };
  std::set<std::vector<const tests::Test*>> orders;
  std::set<const tests::Test*> firsts;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto order = shuffled(seed);
    EXPECT_EQ(order, shuffled(seed));
    EXPECT_TRUE(std::ranges::is_permutation(order, in_order));
    orders.insert(order);
    firsts.insert(order.front());
  }
  EXPECT_EQ(orders.size(), 200u);
  EXPECT_EQ(firsts.size(), tests.size()) << "anybody may be first";
  std::vector<const tests::Test*> none;
  shuffle(none, 1);
}

}  // namespace
}  // namespace quoll::tests
