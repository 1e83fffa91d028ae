// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <string>

#include <quoll/trace/text.hpp>

namespace quoll::trace {
namespace {

constexpr std::string_view kCalls[] = {"exit", "yield"};
constexpr std::string_view kErrors[] = {"ok"};

std::string line(const Record& record, std::size_t room = kMaxTextLine) {
  Vocabulary words;
  words.syscalls = kCalls;
  words.errors = kErrors;
  words.text = [](std::uint32_t key) noexcept -> std::string_view {
    return key == 5 ? "boot" : "";
  };
  std::string out(room, '\0');
  out.resize(format_record(out, 3, record, words));
  return out;
}

TEST(TraceText, SaysEveryArgumentByName) {
  Record record{.number = 7, .time = 123, .event = Event::kSlice, .small = 5 << 2 | 1};
  record.first = 12;
  record.second = 100;
  EXPECT_EQ(line(record), "trace: hart 3 #7 123 slice why=yielded name=boot task=12 begin=100\n");
}

TEST(TraceText, FallsBackToNumbersWhereItKnowsNoWord) {
  Record record{.number = 1, .time = 2, .event = Event::kSyscall, .small = 1 | 9 << 8};
  EXPECT_EQ(line(record), "trace: hart 3 #1 2 syscall call=yield error=9 value=0 begin=0\n");
  record.small = 77;
  EXPECT_EQ(line(record), "trace: hart 3 #1 2 syscall call=77 error=ok value=0 begin=0\n");
  record = {.number = 1, .time = 2, .event = Event::kFault, .small = 7 | 7 << 3};
  EXPECT_EQ(line(record),
            "trace: hart 3 #1 2 fault access=7 outcome=unavailable in=guest address=0x0 begin=0\n");
}

TEST(TraceText, EveryEventFitsItsLine) {
  for (const EventInfo& row : kEvents) {
    const Record record{~std::uint64_t{0}, ~std::uint64_t{0}, row.event,
                        0xff'ffff,         ~std::uint64_t{0}, ~std::uint64_t{0}};
    EXPECT_LT(line(record).size(), kMaxTextLine) << row.name;
  }
}

TEST(TraceText, ALineIsCutOffAtAnyLengthWithItsNewline) {
  const Record record{.number = 1, .time = 2, .event = Event::kFence, .small = 0};
  for (std::size_t room = 1; room < 100; ++room) {
    const std::string text = line(record, room);
    ASSERT_LE(text.size(), room);
    EXPECT_EQ(text.back(), '\n');
  }
}

TEST(TraceText, AnUnknownEventIsNoLine) {
  EXPECT_EQ(line(Record{}), "");
  EXPECT_EQ(line(Record{.event = static_cast<Event>(200)}), "");
}

TEST(TraceText, ChoicesAreCountedFromZero) {
  EXPECT_EQ(choice_name("a|b|c", 0), "a");
  EXPECT_EQ(choice_name("a|b|c", 2), "c");
  EXPECT_EQ(choice_name("a|b|c", 3), "");
  EXPECT_EQ(choice_name("a|b|c", ~std::uint64_t{0}), "");
}

}  // namespace
}  // namespace quoll::trace
