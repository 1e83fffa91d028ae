// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/log/log.hpp>

namespace quoll::log {
namespace {

std::vector<std::string> lines;

class Log : public ::testing::Test {
 protected:
  void SetUp() override {
    lines.clear();
    set_backend({[]() noexcept { return Origin{1234567, 3}; },
                 [](Level, std::string_view line) noexcept { lines.emplace_back(line); }});
    set_filter(Filter());
  }
  void TearDown() override { set_backend({}); }
};

TEST_F(Log, PrintsErrorsAndWarningsByDefault) {
  error("mem", "no frame at {:#x}", 4096);
  info("mem", "unseen");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "[    1.234567 3] ERROR mem: no frame at 0x1000\n");
}

TEST_F(Log, FiltersByTarget) {
  const auto parsed = Filter::parse("error,mem=trace,async=off");
  EXPECT_TRUE(parsed.rejected.empty());
  set_filter(parsed.filter);
  trace("mem", "a");
  warn("boot", "b");
  error("async", "c");
  error("boot", "d");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("mem: a"), std::string::npos);
  EXPECT_NE(lines[1].find("boot: d"), std::string::npos);
}

TEST_F(Log, NamesWhatItDoesNotUnderstand) {
  const auto parsed = Filter::parse("info,mem=loud,boot=debug,=warn");
  EXPECT_EQ(parsed.rejected, "mem=loud");
  EXPECT_TRUE(parsed.filter.allows(Level::kInfo, "mem"));
  EXPECT_TRUE(parsed.filter.allows(Level::kDebug, "boot"));
  EXPECT_FALSE(parsed.filter.allows(Level::kDebug, "mem"));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "t" + std::to_string(i) + "=trace,";
  EXPECT_EQ(Filter::parse(many).rejected, "t16=trace");
}

TEST_F(Log, CutsLongLinesAndKeepsThemWhole) {
  error("t", "{}\n{}", std::string(100, 'a'), std::string(400, 'b'));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].size(), kMaxLine);
  EXPECT_EQ(lines[0].substr(kMaxLine - 4), "...\n");
  EXPECT_EQ(lines[0].find('\n'), kMaxLine - 1);
}

TEST_F(Log, IsSilentWithoutABackend) {
  set_backend({});
  error("t", "nobody hears");
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace quoll::log
