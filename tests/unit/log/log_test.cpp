// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include <quoll/log/log.hpp>

namespace quoll::log {

QUOLL_LOG_TARGET(kMem, "mem");
QUOLL_LOG_TARGET(kBoot, "boot");
QUOLL_LOG_TARGET(kAsync, "async");

namespace {

std::vector<Line> marks;
std::vector<std::string> lines;
SpanList* open_spans = nullptr;
Origin here;

class Log : public ::testing::Test {
 protected:
  void SetUp() override {
    lines.clear();
    marks.clear();
    open_spans = &spans_;
    here = {.time_us = 1'234'567, .hart = 3};
    set_backend({[]() noexcept { return here; }, []() noexcept -> SpanList& { return *open_spans; },
                 [](const Line& line) noexcept {
                   lines.emplace_back(line.text);
                   marks.push_back(line);
                 }});
    EXPECT_EQ(set_filter(Filter()), "");
  }
  void TearDown() override { set_backend({}); }

  SpanList spans_;
};

TEST_F(Log, PrintsErrorsAndWarningsByDefault) {
  error(kMem, "no frame at {:#x}", 4096);
  info(kMem, "unseen");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "[    1.234567 3] ERROR mem: no frame at 0x1000\n");
}

TEST_F(Log, FiltersByTarget) {
  const auto parsed = Filter::parse("error,mem=trace,async=off");
  EXPECT_TRUE(parsed.rejected.empty());
  EXPECT_EQ(set_filter(parsed.filter), "");
  trace(kMem, "a");
  warn(kBoot, "b");
  error(kAsync, "c");
  error(kBoot, "d");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("mem: a"), std::string::npos);
  EXPECT_NE(lines[1].find("boot: d"), std::string::npos);
  EXPECT_FALSE(kAsync.enabled(Level::kError));
  EXPECT_TRUE(kMem.enabled(Level::kTrace));
}

TEST_F(Log, NamesATargetThatNobodyLogsAbout) {
  EXPECT_EQ(set_filter(Filter::parse("info,mem=debug,memory=trace,x=off").filter), "memory");
  EXPECT_TRUE(kMem.enabled(Level::kDebug)) << "the rest of the filter holds";
  EXPECT_TRUE(kBoot.enabled(Level::kInfo));
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

TEST_F(Log, TellsTheTask) {
  here.task = 17;
  here.task_name = "guest";
  error(kMem, "gone");
  EXPECT_EQ(lines.at(0), "[    1.234567 3 guest#17] ERROR mem: gone\n");
}

TEST_F(Log, NamesOpenSpansOutermostFirst) {
  const Span outer("guest", 4);
  {
    const Span inner("unmap");
    error(kMem, "a");
  }
  error(kMem, "b");
  EXPECT_EQ(lines.at(0), "[    1.234567 3 guest=4 unmap] ERROR mem: a\n");
  EXPECT_EQ(lines.at(1), "[    1.234567 3 guest=4] ERROR mem: b\n");
}

TEST_F(Log, ASpanStaysWithItsTaskWhileOthersRunOnTheHart) {
  SpanList task;
  SpanList other;
  {
    open_spans = &task;
    const Span in_task("one");
    open_spans = &other;  // the task waits, and another runs here
    {
      const Span in_other("two");
      error(kMem, "a");
    }
    error(kMem, "b");
    open_spans = &task;
    error(kMem, "c");
    open_spans = &other;  // even its end, seen from elsewhere, is the task's
  }
  EXPECT_EQ(task.innermost(), nullptr);
  EXPECT_NE(lines.at(0).find(" two]"), std::string::npos);
  EXPECT_NE(lines.at(1).find(" 3]"), std::string::npos);
  EXPECT_NE(lines.at(2).find(" one]"), std::string::npos);
}

TEST_F(Log, TellsOfDeepNestingOnlyTheInnermost) {
  std::vector<std::unique_ptr<Span>> deep;
  for (unsigned i = 0; i < 10; ++i) deep.push_back(std::make_unique<Span>("s", i));
  error(kMem, "a");
  EXPECT_NE(lines.at(0).find(" .. s=2 s=3 s=4 s=5 s=6 s=7 s=8 s=9]"), std::string::npos)
      << lines[0];
  while (!deep.empty()) deep.pop_back();
  EXPECT_EQ(spans_.innermost(), nullptr);
}

TEST_F(Log, MarksLevelAndTarget) {
  warn(kBoot, "WARN boot is not here");
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].level, Level::kWarn);
  EXPECT_EQ(lines[0].substr(marks[0].mark_begin, marks[0].mark_end - marks[0].mark_begin),
            "WARN  boot");
}

TEST_F(Log, CutsLongLinesAndKeepsThemWhole) {
  error(kBoot, "{}\n{}", std::string(100, 'a'), std::string(400, 'b'));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].size(), kMaxLine);
  EXPECT_EQ(lines[0].substr(kMaxLine - 4), "...\n");
  EXPECT_EQ(lines[0].find('\n'), kMaxLine - 1);
}

TEST_F(Log, CutsATaskNameThatFillsTheLine) {
  const std::string name(400, 'n');
  here.task = 1;
  here.task_name = name.c_str();
  error(kBoot, "x");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].size(), kMaxLine);
}

TEST_F(Log, IsSilentWithoutABackend) {
  set_backend({});
  error(kBoot, "nobody hears");
  const Span span("nowhere");
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace quoll::log
