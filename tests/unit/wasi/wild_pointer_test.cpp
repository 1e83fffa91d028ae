// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every function with every kind of wrong number in every argument. What counts is that nothing
// outside of the memory is touched (AddressSanitizer watches) and that each call comes back.
#include <gtest/gtest.h>
#include <random>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

constexpr std::uint64_t kWild[] = {0,
                                   1,
                                   3,
                                   4,
                                   8,
                                   0x100,
                                   0x8000,
                                   65528,
                                   65532,
                                   65535,
                                   65536,
                                   65537,
                                   0x7fff'ffff,
                                   0x8000'0000,
                                   0xffff'0000,
                                   0xffff'fff8,
                                   0xffff'ffff,
                                   0x1'0000'0000,
                                   0x7fff'ffff'ffff'ffff,
                                   0xffff'ffff'ffff'ffff};

class WildPointers : public ::testing::TestWithParam<Dialect> {};

TEST_P(WildPointers, ComeBackFromEveryFunction) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  FakeHost host;
  host.add_file("f", std::string(5000, 'x'));
  host.add_file("a/b", "y");
  host.input = "input";

  for (const Function& function : functions()) {
    for (int round = 0; round < 60; ++round) {
      Program program(host, GetParam());
      std::uint32_t file = 0;
      ASSERT_EQ(program.open("f", file), Errno::kSuccess);
      // Sensible or wild content behind the pointers.
      if (round % 2 == 0) {
        for (std::byte& byte : program.memory) byte = std::byte(random() % 256);
      } else {
        program.put(0x8000, "a/../f");
      }
      std::array<std::uint64_t, kMaxParameters> slots{};
      for (std::uint64_t& slot : slots) slot = kWild[random() % std::size(kWild)];
      if (round % 3 == 0) slots[0] = random() % 6;
      // Nobody waits here without an end: the fake host says so instead of blocking.
      Call call{.process = *program.process,
                .memory = GuestMemory(program.memory),
                .arguments = std::span(slots).first(function.parameters.size()),
                .dialect = GetParam()};
      invoke(function, call);
    }
  }
}

TEST_P(WildPointers, AreFaultsWithoutAnyMemory) {
  FakeHost host;
  Program program(host, GetParam());
  program.memory.clear();
  EXPECT_EQ(program.call("args_sizes_get", {0, 4}), Errno::kFault);
  EXPECT_EQ(program.call("fd_write", {1, 0, 1, 8}), Errno::kFault);
  EXPECT_EQ(program.call("clock_time_get", {1, 0, 0}), Errno::kFault);
  EXPECT_EQ(program.call("random_get", {0, 1}), Errno::kFault);
  EXPECT_EQ(program.call("random_get", {0, 0}), Errno::kSuccess);
}

INSTANTIATE_TEST_SUITE_P(Dialects, WildPointers,
                         ::testing::Values(Dialect::kPreview1, Dialect::kUnstable));

}  // namespace
}  // namespace quoll::wasi::testing
