// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>

#include <quoll/kernel/guest/run_description.hpp>

namespace quoll::guest {
namespace {

using namespace std::string_literals;

DescriptionError error_of(const std::string& text) {
  const auto parsed = parse_run_description(text);
  EXPECT_FALSE(parsed.has_value());
  return parsed ? DescriptionError::kNoMemory : parsed.error();
}

TEST(RunDescription, KeepsAllRecordsInOrder) {
  const std::string text =
      "program=bin/a.wasm\0arg=./a.wasm\0arg=\0arg=x=y\0env=K=V=W\0dir=dirs/0::.\0dir=dirs/1::/a::b\0"s;
  const auto run = parse_run_description(text);
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->program, "bin/a.wasm");
  ASSERT_EQ(run->arguments.size(), 3u);
  EXPECT_EQ(run->arguments[0], "./a.wasm");
  EXPECT_EQ(run->arguments[1], "");
  EXPECT_EQ(run->arguments[2], "x=y");
  ASSERT_EQ(run->environment.size(), 1u);
  EXPECT_EQ(run->environment[0], "K=V=W");
  ASSERT_EQ(run->directories.size(), 2u);
  EXPECT_EQ(run->directories[0].archive_path, "dirs/0");
  EXPECT_EQ(run->directories[0].guest_name, ".");
  EXPECT_EQ(run->directories[1].guest_name, "/a::b");
}

TEST(RunDescription, TheLastRecordNeedsNoNul) {
  const std::string text = "program=p\0arg=q"s;
  const auto run = parse_run_description(text);
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->arguments[0], "q");
}

TEST(RunDescription, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(error_of(""), DescriptionError::kNoProgram);
  EXPECT_EQ(error_of("arg=x\0"s), DescriptionError::kNoProgram);
  EXPECT_EQ(error_of("program=\0"s), DescriptionError::kNoProgram);
  EXPECT_EQ(error_of("program=a\0program=b\0"s), DescriptionError::kNoProgram);
  EXPECT_EQ(error_of("program=a\0noequals\0"s), DescriptionError::kNoEquals);
  EXPECT_EQ(error_of("program=a\0args=b\0"s), DescriptionError::kUnknownKey);
  EXPECT_EQ(error_of("program=a\0dir=b\0"s), DescriptionError::kBadDirectory);
  EXPECT_EQ(error_of("program=a\0dir=::b\0"s), DescriptionError::kBadDirectory);
  EXPECT_EQ(error_of("program=a\0dir=b::\0"s), DescriptionError::kBadDirectory);
}

}  // namespace
}  // namespace quoll::guest
