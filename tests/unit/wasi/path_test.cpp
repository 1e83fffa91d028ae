// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include <quoll/wasi/path.hpp>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

class PathTest : public ::testing::Test {
 protected:
  PathTest() : program_(host_) {
    host_.add_file("data.txt", "top");
    host_.add_file("a/b/c/deep.txt", "deep");
    host_.add_file("a/side.txt", "side");
  }

  // What path_filestat_get answers, and that it leaves no handle behind.
  Errno look(const std::string& path) {
    const std::size_t before = host_.open_handles();
    program_.put(0x8000, path);
    const Errno answer = program_.call("path_filestat_get", {3, 1, 0x8000, path.size(), 64});
    EXPECT_EQ(host_.open_handles(), before) << path;
    return answer;
  }

  FakeHost host_;
  Program program_;
};

TEST_F(PathTest, FindsWhatIsThere) {
  for (const char* path :
       {"data.txt", "a/side.txt", "a/b/c/deep.txt", "a//b///c/deep.txt", "./data.txt",
        "a/./b/../side.txt", "a/b/c/../../side.txt", "a/../data.txt", "a/b/../../a/../data.txt",
        "a", "a/", "a/b/..", "a/b/../", ".", "./", "a/..", "a/b/../.."}) {
    EXPECT_EQ(look(path), Errno::kSuccess) << path;
  }
}

TEST_F(PathTest, NeverLeavesTheDirectory) {
  for (const char* path : {"..", "../", "../data.txt", "a/../..", "a/../../data.txt", "./../x",
                           "a/b/../../../x", "/", "/data.txt", "//data.txt", "/d/data.txt"}) {
    EXPECT_EQ(look(path), Errno::kNotcapable) << path;
  }
}

TEST_F(PathTest, RefusesWhatIsNoPath) {
  EXPECT_EQ(look(""), Errno::kNoent);
  EXPECT_EQ(look("nothing"), Errno::kNoent);
  EXPECT_EQ(look("nothing/.."), Errno::kNoent);
  EXPECT_EQ(look("data.txt/"), Errno::kNotdir);
  EXPECT_EQ(look("data.txt/."), Errno::kNotdir);
  EXPECT_EQ(look("data.txt/.."), Errno::kNotdir);
  EXPECT_EQ(look("data.txt/x"), Errno::kNotdir);
  EXPECT_EQ(look(std::string("data.txt\0", 9)), Errno::kInval);
  EXPECT_EQ(look(std::string(256, 'n')), Errno::kNametoolong);
  EXPECT_EQ(look(std::string(255, 'n')), Errno::kNoent);
  EXPECT_EQ(look(std::string(kMaxPath + 1, '/')), Errno::kNametoolong);
}

TEST_F(PathTest, WalksThePathsThatAreLongest) {
  std::string down;
  for (int i = 0; i < 100; ++i) down += "a/b/../../";
  EXPECT_EQ(look(down + "data.txt"), Errno::kSuccess);
  std::string dots(kMaxPath - 8, '.');
  for (std::size_t i = 1; i < dots.size(); i += 2) dots[i] = '/';
  EXPECT_EQ(look(dots + "data.txt"), Errno::kSuccess);
}

TEST_F(PathTest, StaysBelowADirectoryThatWasOpened) {
  std::uint32_t directory = 0;
  ASSERT_EQ(program_.open("a/b", directory, open_flag::kDirectory), Errno::kSuccess);
  std::uint32_t file = 0;
  EXPECT_EQ(program_.open("c/deep.txt", file, 0, ~right::kFdWrite, directory), Errno::kSuccess);
  EXPECT_EQ(program_.open("../side.txt", file, 0, ~right::kFdWrite, directory), Errno::kNotcapable);
}

TEST_F(PathTest, OpensForReadingOnly) {
  std::uint32_t number = 0;
  const std::size_t before = host_.open_handles();
  EXPECT_EQ(program_.open("data.txt", number, 0, right::kFdRead | right::kFdWrite), Errno::kRofs);
  EXPECT_EQ(program_.open("data.txt", number, open_flag::kTruncate), Errno::kRofs);
  EXPECT_EQ(program_.open("new.txt", number, open_flag::kCreate), Errno::kRofs);
  EXPECT_EQ(program_.open("new/new.txt", number, open_flag::kCreate), Errno::kNoent);
  EXPECT_EQ(program_.open("data.txt", number, open_flag::kCreate | open_flag::kExclusive),
            Errno::kExist);
  EXPECT_EQ(program_.open("a", number, open_flag::kTruncate), Errno::kIsdir);
  EXPECT_EQ(host_.open_handles(), before);
  EXPECT_EQ(program_.open("data.txt", number, open_flag::kCreate), Errno::kSuccess)
      << "nothing has to be created";
}

TEST_F(PathTest, ChecksKindAndFlags) {
  std::uint32_t number = 0;
  EXPECT_EQ(program_.open("data.txt", number, open_flag::kDirectory), Errno::kNotdir);
  EXPECT_EQ(program_.open("a", number, open_flag::kDirectory | open_flag::kCreate), Errno::kInval);
  EXPECT_EQ(program_.open("a", number, 0x10), Errno::kInval);
  EXPECT_EQ(program_.open("a", number), Errno::kSuccess) << "a directory without the flag";
  EXPECT_EQ(program_.open("side.txt", number, 0, 0, 1), Errno::kNotdir) << "below a stream";
  EXPECT_EQ(program_.open("side.txt", number, 0, 0, 200), Errno::kBadf);
}

TEST_F(PathTest, PassesOnOnlyWhatTheDirectoryInherits) {
  program_.put(0x8000, "a");
  ASSERT_EQ(
      program_.call("path_open", {3, 0, 0x8000, 1, 0, ~right::kFdWrite, right::kFdRead, 0, 64}),
      Errno::kSuccess);
  const std::uint32_t directory = program_.u32(64);
  std::uint32_t file = 0;
  ASSERT_EQ(program_.open("side.txt", file, 0, ~right::kFdWrite, directory), Errno::kSuccess);
  ASSERT_EQ(program_.call("fd_fdstat_get", {file, 64}), Errno::kSuccess);
  EXPECT_EQ(program_.u64(72), right::kFdRead);
  std::uint32_t inner = 0;
  ASSERT_EQ(program_.open("b", inner, 0, ~right::kFdWrite, directory), Errno::kSuccess);
  EXPECT_EQ(program_.open("c", file, 0, ~right::kFdWrite, inner), Errno::kNotcapable);
}

TEST_F(PathTest, OpensNothingWhenTheResultHasNoPlace) {
  const std::size_t before = host_.open_handles();
  program_.put(0x8000, "data.txt");
  EXPECT_EQ(program_.call("path_open",
                          {3, 0, 0x8000, 8, 0, right::kFdRead, 0, 0, Program::kMemorySize - 3}),
            Errno::kFault);
  EXPECT_EQ(host_.open_handles(), before);
}

}  // namespace
}  // namespace quoll::wasi::testing
