// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

constexpr std::uint32_t kList = 0x100;
constexpr std::uint32_t kCount = 0x200;

void put_buffer(Program& program, std::uint32_t index, std::uint32_t address,
                std::uint32_t length) {
  program.store<std::uint32_t>(kList + index * 8, address);
  program.store<std::uint32_t>(kList + index * 8 + 4, length);
}

TEST(FdWrite, GathersShortBuffersIntoOneWrite) {
  FakeHost host;
  Program program(host);
  program.put(0x300, "hello \n");
  put_buffer(program, 0, 0x300, 6);
  put_buffer(program, 1, 0x300, 0);
  put_buffer(program, 2, 0x306, 1);
  EXPECT_EQ(program.call("fd_write", {1, kList, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.output, "hello \n");
  EXPECT_EQ(host.writes, 1u);
  EXPECT_EQ(program.u32(kCount), 7u);
}

TEST(FdWrite, GoesOnAfterPartialWrites) {
  FakeHost host;
  host.write_limit = 3;
  Program program(host);
  for (std::uint32_t i = 0; i < 10000; ++i) program.memory[0x1000 + i] = std::byte(i);
  put_buffer(program, 0, 0x1000, 9000);
  put_buffer(program, 1, 0x1000 + 9000, 1000);
  EXPECT_EQ(program.call("fd_write", {2, kList, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(host.errors, program.text(0x1000, 10000));
  EXPECT_EQ(program.u32(kCount), 10000u);
}

TEST(FdWrite, ChecksEveryBufferBeforeItWritesTheFirst) {
  FakeHost host;
  Program program(host);
  put_buffer(program, 0, 0, 10);
  put_buffer(program, 1, Program::kMemorySize - 4, 5);
  EXPECT_EQ(program.call("fd_write", {1, kList, 2, kCount}), Errno::kFault);
  EXPECT_EQ(program.call("fd_write", {1, kList, 1, Program::kMemorySize - 3}), Errno::kFault);
  EXPECT_EQ(host.writes, 0u);
}

TEST(FdWrite, RefusesListsThatCannotBe) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("fd_write", {1, kList, 0xffff'ffff, kCount}), Errno::kFault);
  EXPECT_EQ(program.call("fd_write", {1, kList, 0x2000'0000, kCount}), Errno::kFault);
  EXPECT_EQ(program.call("fd_write", {1, 0xffff'fff8, 1, kCount}), Errno::kFault);
  EXPECT_EQ(host.writes, 0u);
}

TEST(FdWrite, WritesNothingForNothing) {
  FakeHost host;
  Program program(host);
  program.store<std::uint32_t>(kCount, 99);
  EXPECT_EQ(program.call("fd_write", {1, kList, 0, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 0u);
  EXPECT_EQ(host.writes, 0u);
}

TEST(FdWrite, SaysThatNobodyReads) {
  FakeHost host;
  host.write_error = abi::Error::kClosed;
  Program program(host);
  put_buffer(program, 0, 0, 10);
  EXPECT_EQ(program.call("fd_write", {1, kList, 1, kCount}), Errno::kPipe);
}

TEST(FdWrite, NeedsAnOpenDescriptorThatMayWrite) {
  FakeHost host;
  host.add_file("f", "x");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_write", {0, kList, 0, kCount}), Errno::kNotcapable);
  EXPECT_EQ(program.call("fd_write", {file, kList, 0, kCount}), Errno::kNotcapable);
  EXPECT_EQ(program.call("fd_write", {3, kList, 0, kCount}), Errno::kIsdir);
  EXPECT_EQ(program.call("fd_write", {77, kList, 0, kCount}), Errno::kBadf);
  EXPECT_EQ(program.call("fd_write", {0xffff'ffff, kList, 0, kCount}), Errno::kBadf);
}

TEST(FdRead, ReadsAStreamIntoTheFirstBufferWithRoom) {
  FakeHost host;
  host.input = "abcdef";
  Program program(host);
  put_buffer(program, 0, 0x300, 0);
  put_buffer(program, 1, 0x300, 4);
  put_buffer(program, 2, 0x400, 4);
  EXPECT_EQ(program.call("fd_read", {0, kList, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 4u);
  EXPECT_EQ(program.text(0x300, 4), "abcd");
  EXPECT_EQ(program.call("fd_read", {0, kList, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 2u);
  EXPECT_EQ(program.call("fd_read", {0, kList, 3, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 0u) << "the end";
}

TEST(FdRead, FillsAllBuffersFromAFileAndMovesOn) {
  FakeHost host;
  host.add_file("f", "0123456789abcdefghij");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  put_buffer(program, 0, 0x300, 9);
  put_buffer(program, 1, 0x400, 3);
  EXPECT_EQ(program.call("fd_read", {file, kList, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 12u);
  EXPECT_EQ(program.text(0x300, 9), "012345678");
  EXPECT_EQ(program.text(0x400, 3), "9ab");
  EXPECT_EQ(program.call("fd_read", {file, kList, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 8u);
  EXPECT_EQ(program.text(0x300, 8), "cdefghij");
}

TEST(FdRead, SurvivesAListThatItOverwrites) {
  FakeHost host;
  host.add_file("f", std::string(64, '\xff'));
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  // The first buffer is the list itself: the second entry becomes 0xffffffff, 0xffffffff.
  put_buffer(program, 0, kList, 16);
  put_buffer(program, 1, 0x400, 16);
  EXPECT_EQ(program.call("fd_read", {file, kList, 2, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 16u);
}

TEST(FdPread, ReadsWithoutMoving) {
  FakeHost host;
  host.add_file("f", "0123456789");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  put_buffer(program, 0, 0x300, 100);
  EXPECT_EQ(program.call("fd_pread", {file, kList, 1, 8, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 2u);
  EXPECT_EQ(program.text(0x300, 2), "89");
  EXPECT_EQ(program.call("fd_pread", {file, kList, 1, ~std::uint64_t{0}, kCount}), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 0u);
  EXPECT_EQ(program.call("fd_tell", {file, 0x500}), Errno::kSuccess);
  EXPECT_EQ(program.u64(0x500), 0u);
  EXPECT_EQ(program.call("fd_pread", {0, kList, 1, 0, kCount}), Errno::kSpipe);
  EXPECT_EQ(program.call("fd_pread", {3, kList, 1, 0, kCount}), Errno::kIsdir);
}

}  // namespace
}  // namespace quoll::wasi::testing
