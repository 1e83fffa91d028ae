// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

constexpr std::uint32_t kIn = 0x1000;
constexpr std::uint32_t kOut = 0x4000;
constexpr std::uint32_t kCount = 0x100;

void put_clock(Program& program, std::uint32_t index, std::uint64_t userdata, std::uint32_t clock,
               std::uint64_t timeout, bool absolute) {
  const bool older = program.dialect == Dialect::kUnstable;
  const SubscriptionLayout& layout = older ? kSubscriptionUnstable : kSubscriptionPreview1;
  const std::uint32_t at = kIn + index * layout.total;
  program.store<std::uint64_t>(at, userdata);
  program.store<std::uint8_t>(at + 8, 0);
  if (older) program.store<std::uint64_t>(at + 16, 0x1122334455667788);
  program.store<std::uint32_t>(at + layout.clock, clock);
  program.store<std::uint64_t>(at + layout.timeout, timeout);
  program.store<std::uint16_t>(at + layout.flags, absolute ? 1 : 0);
}

void put_descriptor(Program& program, std::uint32_t index, std::uint64_t userdata,
                    std::uint8_t type, std::uint32_t descriptor) {
  const std::uint32_t at = kIn + index * kSubscriptionPreview1.total;
  program.store<std::uint64_t>(at, userdata);
  program.store<std::uint8_t>(at + 8, type);
  program.store<std::uint32_t>(at + 16, descriptor);
}

Errno poll(Program& program, std::uint32_t count) {
  return program.call("poll_oneoff", {kIn, kOut, count, kCount});
}

TEST(PollOneoff, SleepsForARelativeTime) {
  for (const Dialect dialect : {Dialect::kPreview1, Dialect::kUnstable}) {
    FakeHost host;
    Program program(host, dialect);
    const std::uint64_t before = host.now_ns;
    put_clock(program, 0, 42, 1, 5000, false);
    EXPECT_EQ(poll(program, 1), Errno::kSuccess);
    EXPECT_EQ(host.now_ns, before + 5000);
    EXPECT_EQ(program.u32(kCount), 1u);
    EXPECT_EQ(program.u64(kOut), 42u);
    EXPECT_EQ(program.load<std::uint16_t>(kOut + 8), 0u);
    EXPECT_EQ(program.load<std::uint8_t>(kOut + 10), 0u);
  }
}

TEST(PollOneoff, SleepsUntilAnAbsoluteTimeOfEachClock) {
  FakeHost host;
  Program program(host);
  put_clock(program, 0, 1, 1, host.now_ns + 700, true);
  std::uint64_t before = host.now_ns;
  EXPECT_EQ(poll(program, 1), Errno::kSuccess);
  EXPECT_EQ(host.now_ns, before + 700);
  before = host.now_ns;
  put_clock(program, 0, 1, 0, host.now_ns + host.calendar_offset_ns + 900, true);
  EXPECT_EQ(poll(program, 1), Errno::kSuccess);
  EXPECT_EQ(host.now_ns, before + 900);
  before = host.now_ns;
  put_clock(program, 0, 1, 0, 5, true);
  EXPECT_EQ(poll(program, 1), Errno::kSuccess);
  EXPECT_EQ(host.now_ns, before) << "the past has come already";
}

TEST(PollOneoff, ReportsOnlyTheFirstOfTwoClocks) {
  FakeHost host;
  Program program(host);
  put_clock(program, 0, 1, 1, 9000, false);
  put_clock(program, 1, 2, 0, 3000, false);
  EXPECT_EQ(poll(program, 2), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 1u);
  EXPECT_EQ(program.u64(kOut), 2u);
}

TEST(PollOneoff, DoesNotOverflowWithTheLongestTimeout) {
  FakeHost host;
  Program program(host);
  put_clock(program, 0, 1, 1, ~std::uint64_t{0}, false);
  put_descriptor(program, 1, 2, 2, 1);
  EXPECT_EQ(poll(program, 2), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 1u);
  EXPECT_EQ(program.u64(kOut), 2u);
}

TEST(PollOneoff, ReportsStreamsThatAreReady) {
  FakeHost host;
  Program program(host);
  put_descriptor(program, 0, 10, 1, 0);
  put_descriptor(program, 1, 11, 2, 1);
  put_clock(program, 2, 12, 1, 1'000'000, false);
  const std::uint64_t before = host.now_ns;
  EXPECT_EQ(poll(program, 3), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 2u);
  EXPECT_EQ(program.u64(kOut), 10u);
  EXPECT_EQ(program.load<std::uint8_t>(kOut + 10), 1u);
  EXPECT_EQ(program.u64(kOut + 32), 11u);
  EXPECT_EQ(host.now_ns, before);
}

TEST(PollOneoff, TimesOutOnAQuietStream) {
  FakeHost host;
  host.input_ready = false;
  Program program(host);
  put_descriptor(program, 0, 10, 1, 0);
  put_clock(program, 1, 12, 1, 1'000'000, false);
  EXPECT_EQ(poll(program, 2), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 1u);
  EXPECT_EQ(program.u64(kOut), 12u);
}

TEST(PollOneoff, SaysThatTheOtherEndIsClosed) {
  FakeHost host;
  host.output_closed = true;
  Program program(host);
  put_descriptor(program, 0, 10, 2, 1);
  EXPECT_EQ(poll(program, 1), Errno::kSuccess);
  EXPECT_EQ(program.load<std::uint16_t>(kOut + 24), 1u);
}

TEST(PollOneoff, ReportsFilesAtOnceAndMistakesAsEvents) {
  FakeHost host;
  host.add_file("f", "12345");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  put_descriptor(program, 0, 1, 1, file);
  put_descriptor(program, 1, 2, 1, 99);
  put_clock(program, 2, 3, 7, 10, false);
  put_clock(program, 3, 4, 1, 10, false);
  EXPECT_EQ(poll(program, 4), Errno::kSuccess);
  EXPECT_EQ(program.u32(kCount), 3u);
  EXPECT_EQ(program.u64(kOut + 16), 5u);
  EXPECT_EQ(program.load<std::uint16_t>(kOut + 32 + 8), 8u) << "no such descriptor";
  EXPECT_EQ(program.load<std::uint16_t>(kOut + 64 + 8), 28u) << "no such clock";
}

TEST(PollOneoff, RefusesWhatItCannotRead) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(poll(program, 0), Errno::kInval);
  EXPECT_EQ(poll(program, 0xffff'ffff), Errno::kFault);
  EXPECT_EQ(poll(program, 0x0555'5556), Errno::kFault) << "48 times this is 32 modulo 2^32";
  program.store<std::uint8_t>(kIn + 8, 3);
  EXPECT_EQ(poll(program, 1), Errno::kInval);
  put_clock(program, 0, 1, 1, 10, false);
  EXPECT_EQ(program.call("poll_oneoff", {kIn, Program::kMemorySize - 31, 1, kCount}),
            Errno::kFault);
  EXPECT_EQ(program.call("poll_oneoff", {kIn, kOut, 1, Program::kMemorySize - 3}), Errno::kFault);
  EXPECT_EQ(host.waits, 0u);
}

TEST(PollOneoff, SurvivesEventsThatOverwriteSubscriptions) {
  FakeHost host;
  Program program(host);
  for (std::uint32_t i = 0; i < 8; ++i) put_clock(program, i, 0xffff'ffff'ffff'ffff, 1, 0, true);
  EXPECT_EQ(program.call("poll_oneoff", {kIn, kIn + 20, 8, kCount}), Errno::kSuccess);
  EXPECT_GE(program.u32(kCount), 1u);
  EXPECT_LE(program.u32(kCount), 8u);
}

}  // namespace
}  // namespace quoll::wasi::testing
