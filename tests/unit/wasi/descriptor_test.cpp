// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

TEST(Fdstat, ShowsStreamsAsATerminalIsShown) {
  FakeHost host;
  Program program(host);
  constexpr std::uint64_t kPosition = right::kFdSeek | right::kFdTell;
  for (std::uint32_t stream = 0; stream < 3; ++stream) {
    ASSERT_EQ(program.call("fd_fdstat_get", {stream, 64}), Errno::kSuccess);
    EXPECT_EQ(program.load<std::uint8_t>(64), 2u);
    EXPECT_EQ(program.u64(72) & kPosition, 0u) << "what libc takes for a terminal";
  }
}

TEST(Fdstat, ShowsDirectoriesAndFilesWithTheirRights) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  ASSERT_EQ(program.call("fd_fdstat_get", {3, 64}), Errno::kSuccess);
  EXPECT_EQ(program.load<std::uint8_t>(64), 3u);
  EXPECT_EQ(program.u64(72), right::kDirectory);
  EXPECT_EQ(program.u64(80), right::kDirectory | right::kFile);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file, 0, right::kFdRead | right::kPathOpen), Errno::kSuccess);
  ASSERT_EQ(program.call("fd_fdstat_get", {file, 64}), Errno::kSuccess);
  EXPECT_EQ(program.load<std::uint8_t>(64), 4u);
  EXPECT_EQ(program.u64(72), right::kFdRead) << "asked for, and possible for a file";
}

TEST(Filestat, HasTheLayoutOfPreview1) {
  FakeHost host;
  host.add_file("f", "12345");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  program.store<std::uint64_t>(128, 77);
  ASSERT_EQ(program.call("fd_filestat_get", {file, 64}), Errno::kSuccess);
  EXPECT_EQ(program.load<std::uint8_t>(80), 4u);
  EXPECT_EQ(program.u64(88), 1u) << "links";
  EXPECT_EQ(program.u64(96), 5u) << "size";
  EXPECT_EQ(program.u64(112), 1234u) << "modified";
  EXPECT_EQ(program.u64(128), 77u) << "64 bytes and no more";
}

TEST(Filestat, HasTheLayoutOfTheOlderDialect) {
  FakeHost host;
  host.add_file("f", "12345");
  Program program(host, Dialect::kUnstable);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  program.store<std::uint64_t>(120, 77);
  ASSERT_EQ(program.call("fd_filestat_get", {file, 64}), Errno::kSuccess);
  EXPECT_EQ(program.load<std::uint8_t>(80), 4u);
  EXPECT_EQ(program.u32(84), 1u) << "links";
  EXPECT_EQ(program.u64(88), 5u) << "size";
  EXPECT_EQ(program.u64(104), 1234u) << "modified";
  EXPECT_EQ(program.u64(120), 77u) << "56 bytes and no more";
}

TEST(FdSeek, MovesInAFile) {
  FakeHost host;
  host.add_file("f", "0123456789");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_seek", {file, 4, 0, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 4u);
  EXPECT_EQ(program.call("fd_seek", {file, std::uint64_t(-1), 1, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 3u);
  EXPECT_EQ(program.call("fd_seek", {file, std::uint64_t(-2), 2, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 8u);
  EXPECT_EQ(program.call("fd_seek", {file, 100, 2, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 110u) << "beyond the end is a position";
  EXPECT_EQ(program.call("fd_tell", {file, 72}), Errno::kSuccess);
  EXPECT_EQ(program.u64(72), 110u);
}

TEST(FdSeek, RefusesWhatIsNoPosition) {
  FakeHost host;
  host.add_file("f", "0123456789");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_seek", {file, std::uint64_t(-1), 0, 64}), Errno::kInval);
  EXPECT_EQ(program.call("fd_seek", {file, std::uint64_t(-11), 2, 64}), Errno::kInval);
  EXPECT_EQ(program.call("fd_seek", {file, INT64_MAX, 2, 64}), Errno::kInval);
  EXPECT_EQ(program.call("fd_seek", {file, 0, 3, 64}), Errno::kInval);
  EXPECT_EQ(program.call("fd_seek", {file, 5, 0, Program::kMemorySize - 7}), Errno::kFault);
  EXPECT_EQ(program.call("fd_tell", {file, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 0u) << "a refused seek moves nothing";
}

TEST(FdSeek, NumbersOriginsAsTheOlderDialectDoes) {
  FakeHost host;
  host.add_file("f", "0123456789");
  Program program(host, Dialect::kUnstable);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_seek", {file, 4, 2, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 4u) << "2: from the start";
  EXPECT_EQ(program.call("fd_seek", {file, 1, 0, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 5u) << "0: from here";
  EXPECT_EQ(program.call("fd_seek", {file, 1, 1, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u64(64), 11u) << "1: from the end";
}

TEST(FdSeek, AnswersForStreamsAsATerminalDoes) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("fd_seek", {1, 0, 1, 64}), Errno::kSpipe);
  EXPECT_EQ(program.call("fd_tell", {1, 64}), Errno::kSpipe);
  EXPECT_EQ(program.call("fd_seek", {3, 0, 1, 64}), Errno::kBadf) << "a directory";
  EXPECT_EQ(program.call("fd_seek", {9, 0, 1, 64}), Errno::kBadf);
}

TEST(FdSeek, NeedsTheRight) {
  FakeHost host;
  host.add_file("f", "0123456789");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file, 0, right::kFdRead | right::kFdTell), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_seek", {file, 1, 0, 64}), Errno::kNotcapable);
  EXPECT_EQ(program.call("fd_seek", {file, 0, 1, 64}), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_filestat_get", {file, 64}), Errno::kNotcapable);
}

TEST(FdClose, FreesTheNumberAndTheHandle) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  const std::size_t before = host.open_handles();
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(file, 4u);
  EXPECT_EQ(program.call("fd_close", {file}), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_close", {file}), Errno::kBadf);
  EXPECT_EQ(host.open_handles(), before);
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(file, 4u) << "the lowest free number is used again";
}

TEST(FdClose, KeepsAHandleThatAnotherDescriptorShares) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  std::uint32_t again = 0;
  ASSERT_EQ(program.open(".", again), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_close", {3}), Errno::kSuccess);
  std::uint32_t file = 0;
  EXPECT_EQ(program.open("f", file, 0, ~right::kFdWrite, again), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_prestat_get", {3, 64}), Errno::kBadf);
}

TEST(FdClose, LeavesAStreamsNumberFree) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  EXPECT_EQ(program.call("fd_close", {0}), Errno::kSuccess);
  std::uint32_t file = 99;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(file, 0u);
}

TEST(Descriptors, RunOut) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  std::uint32_t file = 0;
  for (std::uint32_t number = 4; number < Process::kMaxDescriptors; ++number) {
    ASSERT_EQ(program.open("f", file), Errno::kSuccess);
    ASSERT_EQ(file, number);
  }
  const std::size_t before = host.open_handles();
  EXPECT_EQ(program.open("f", file), Errno::kMfile);
  EXPECT_EQ(host.open_handles(), before);
}

}  // namespace
}  // namespace quoll::wasi::testing
