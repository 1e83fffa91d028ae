// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

TEST(Clock, TellsEachOfItsTimes) {
  FakeHost host;
  Program program(host);
  host.now_ns += 55;
  EXPECT_EQ(program.call("clock_time_get", {0, 0, 8}), Errno::kSuccess);
  EXPECT_EQ(program.u64(8), host.now_ns + host.calendar_offset_ns);
  EXPECT_EQ(program.call("clock_time_get", {1, 1000, 8}), Errno::kSuccess);
  EXPECT_EQ(program.u64(8), host.now_ns);
  EXPECT_EQ(program.call("clock_time_get", {2, 0, 8}), Errno::kSuccess);
  EXPECT_EQ(program.u64(8), 55u) << "processor time begins with the program";
  EXPECT_EQ(program.call("clock_time_get", {3, 0, 8}), Errno::kSuccess);
  EXPECT_EQ(program.u64(8), 55u);
}

TEST(Clock, RefusesTheFifth) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("clock_time_get", {4, 0, 8}), Errno::kInval);
  EXPECT_EQ(program.call("clock_res_get", {4, 8}), Errno::kInval);
  EXPECT_EQ(program.call("clock_res_get", {0xffff'ffff, 8}), Errno::kInval);
}

TEST(Clock, HasTheHostsResolution) {
  FakeHost host;
  Program program(host);
  for (std::uint64_t clock = 0; clock < 4; ++clock) {
    EXPECT_EQ(program.call("clock_res_get", {clock, 8}), Errno::kSuccess);
    EXPECT_EQ(program.u64(8), 100u);
  }
}

}  // namespace
}  // namespace quoll::wasi::testing
