// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

TEST(Arguments, AreCountedWithTheirTerminators) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("args_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(program.u32(0), 3u);
  EXPECT_EQ(program.u32(4), 5u + 1u + 4u);
}

TEST(Arguments, AreLaidOutOneBehindTheOther) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("args_get", {16, 100}), Errno::kSuccess);
  EXPECT_EQ(program.u32(16), 100u);
  EXPECT_EQ(program.u32(20), 105u);
  EXPECT_EQ(program.u32(24), 106u);
  EXPECT_EQ(program.text(100, 10), std::string("prog\0\0two\0", 10));
}

TEST(Arguments, ThatDoNotFitLeaveTheMemoryAsItWas) {
  FakeHost host;
  Program program(host);
  const auto before = program.memory;
  EXPECT_EQ(program.call("args_get", {0, Program::kMemorySize - 9}), Errno::kFault);
  EXPECT_EQ(program.call("args_get", {Program::kMemorySize - 11, 0}), Errno::kFault);
  EXPECT_EQ(program.memory, before);
  EXPECT_EQ(program.call("args_get", {0, Program::kMemorySize - 10}), Errno::kSuccess);
}

TEST(Environment, IsGivenInTheSameWay) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("environ_sizes_get", {0, 4}), Errno::kSuccess);
  EXPECT_EQ(program.u32(0), 1u);
  EXPECT_EQ(program.u32(4), 4u);
  EXPECT_EQ(program.call("environ_get", {8, 12}), Errno::kSuccess);
  EXPECT_EQ(program.text(12, 4), std::string("A=1\0", 4));
}

TEST(Random, FillsExactlyTheBuffer) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("random_get", {8, 3}), Errno::kSuccess);
  EXPECT_EQ(program.text(7, 5), std::string("\0ZZZ\0", 5));
  EXPECT_EQ(program.call("random_get", {0, 0}), Errno::kSuccess);
  EXPECT_EQ(program.call("random_get", {Program::kMemorySize - 1, 2}), Errno::kFault);
}

TEST(ProcExit, EndsTheProgramWithItsStatus) {
  FakeHost host;
  Program program(host);
  program.call("proc_exit", {0xffff'ffff'0000'0007});
  EXPECT_EQ(program.exit_status, 7u);
}

TEST(SchedYield, LetsOthersRun) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("sched_yield", {}), Errno::kSuccess);
  EXPECT_EQ(host.yields, 1u);
}

TEST(Functions, AreFoundByTheirNameOnly) {
  EXPECT_EQ(functions().size(), 46u);
  for (const Function& function : functions()) EXPECT_EQ(find_function(function.name), &function);
  EXPECT_EQ(find_function("fd_writ"), nullptr);
  EXPECT_EQ(find_function("fd_writev"), nullptr);
  EXPECT_EQ(find_function(""), nullptr);
}

TEST(Functions, HaveTwoModuleNames) {
  EXPECT_EQ(dialect_of("wasi_snapshot_preview1"), Dialect::kPreview1);
  EXPECT_EQ(dialect_of("wasi_unstable"), Dialect::kUnstable);
  EXPECT_EQ(dialect_of("env"), std::nullopt);
}

TEST(Functions, ThatAreNotOfferedSaySo) {
  FakeHost host;
  Program program(host);
  for (const std::string_view name : {"fd_advise",
                                      "fd_allocate",
                                      "fd_datasync",
                                      "fd_fdstat_set_flags",
                                      "fd_fdstat_set_rights",
                                      "fd_filestat_set_size",
                                      "fd_filestat_set_times",
                                      "fd_pwrite",
                                      "fd_renumber",
                                      "fd_sync",
                                      "path_create_directory",
                                      "path_filestat_set_times",
                                      "path_link",
                                      "path_readlink",
                                      "path_remove_directory",
                                      "path_rename",
                                      "path_symlink",
                                      "path_unlink_file",
                                      "proc_raise",
                                      "sock_accept",
                                      "sock_recv",
                                      "sock_send",
                                      "sock_shutdown"}) {
    const Function* function = find_function(name);
    ASSERT_NE(function, nullptr) << name;
    const std::array<std::uint64_t, kMaxParameters> slots{};
    Call call{.process = *program.process,
              .memory = GuestMemory(program.memory),
              .arguments = slots,
              .dialect = Dialect::kPreview1};
    EXPECT_EQ(invoke(*function, call), Errno::kNosys) << name;
  }
}

}  // namespace
}  // namespace quoll::wasi::testing
