// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <quoll/trace/local.hpp>

namespace quoll::trace {
namespace {

struct Recorder {
  explicit Recorder(std::size_t size = Ring::kMinSlots) : slots(new Slot[size]) {
    local.ring.set_memory({slots.get(), size});
    local.enabled = kAllGroups;
  }
  std::unique_ptr<Slot[]> slots;
  Local local;
};

TEST(TraceTable, NamesAreUniqueAndSingleWords) {
  std::set<std::string_view> names;
  for (const EventInfo& row : kEvents) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    std::set<std::string_view> fields;
    for (std::size_t i = 0; i < row.field_count(); ++i) {
      EXPECT_TRUE(fields.insert(row.fields[i].name).second) << row.fields[i].name;
      EXPECT_EQ(row.fields[i].name.find_first_of(" =|"), std::string_view::npos);
    }
  }
}

TEST(TraceRing, GivesBackEveryArgument) {
  Recorder r;
  const char* const name = "a name";
  r.local.write<Event::kSlice>(77, SliceEnd::kEnded, text_key(name), std::uint64_t{12},
                               std::uint64_t{70});
  r.local.write<Event::kFault>(78, 1U, 3U, 1U, ~std::uint64_t{0}, std::uint64_t{1} << 63);
  const auto slice = r.local.ring.read(0);
  ASSERT_TRUE(slice.has_value());
  EXPECT_EQ(slice->event, Event::kSlice);
  EXPECT_EQ(slice->time, 77U);
  EXPECT_EQ(slice->value("why"), 2U);
  EXPECT_EQ(slice->value("name"), text_key(name));
  EXPECT_EQ(slice->value("task"), 12U);
  EXPECT_EQ(slice->value("begin"), 70U);
  const auto fault = r.local.ring.read(1);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->value("access"), 1U);
  EXPECT_EQ(fault->value("outcome"), 3U);
  EXPECT_EQ(fault->value("in"), 1U);
  EXPECT_EQ(fault->value("address"), ~std::uint64_t{0});
  EXPECT_EQ(fault->value("begin"), std::uint64_t{1} << 63);
}

TEST(TraceRing, KeepsAnArgumentWithinItsBits) {
  Recorder r;
  // 40 bits where eight are: the neighbours stay as they are.
  r.local.write<Event::kSyscall>(1, std::uint64_t{0xff'ffff'fffe}, 0U, 5U, 6U);
  const auto record = r.local.ring.read(0);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->event, Event::kSyscall);
  EXPECT_EQ(record->value("call"), 0xfeU);
  EXPECT_EQ(record->value("error"), 0U);
  EXPECT_EQ(record->value("value"), 5U);
}

TEST(TraceRing, HoldsNothingBeforeTheFirstRecordAndWithoutMemory) {
  const Ring bare;
  EXPECT_FALSE(bare.read(0).has_value());
  EXPECT_EQ(bare.lost(), 0U);
  const Recorder r;
  EXPECT_FALSE(r.local.ring.read(0).has_value());
  EXPECT_FALSE(r.local.ring.read(~std::uint64_t{0}).has_value());
  EXPECT_EQ(r.local.ring.written(), 0U);
}

TEST(TraceRing, OverwritesTheOldestAndCountsIt) {
  Recorder r;
  constexpr std::uint64_t kCount = 3 * Ring::kMinSlots + 5;
  for (std::uint64_t i = 0; i < kCount; ++i) r.local.write<Event::kDevice>(i, i);
  EXPECT_EQ(r.local.ring.written(), kCount);
  EXPECT_EQ(r.local.ring.lost(), kCount - Ring::kMinSlots);
  for (std::uint64_t i = 0; i < kCount + 3; ++i) {
    const auto record = r.local.ring.read(i);
    const bool kept = i >= kCount - Ring::kMinSlots && i < kCount;
    ASSERT_EQ(record.has_value(), kept) << i;
    if (kept) EXPECT_EQ(record->first, i);
  }
}

TEST(TraceRing, ReadsOnAcrossTheWrapOfTheNumberInTheHeader) {
  Recorder r;
  // 2^32 records are too many to write: the slots are made to look as they would.
  auto* const slots = r.slots.get();
  const std::uint64_t number = (std::uint64_t{1} << 32) + 3;
  slots[number % Ring::kMinSlots].header = header_of(Event::kDevice, 0) | number << 32;
  // Not reserved yet, as far as the ring knows.
  EXPECT_FALSE(r.local.ring.read(number).has_value());
}

/// What an interrupt does that arrives between the reservation of a slot and its last store: the
/// ring's own steps, taken one by one, with another record in between.
TEST(TraceRing, AnInterruptWhileASlotIsFilledTakesTheNextOne) {
  Recorder r;
  r.local.write<Event::kDevice>(1, 100U);
  // The interrupted write has reserved and filled, but not stored its header: that is a slot whose
  // header is still the old one.
  r.local.write<Event::kDevice>(2, 101U);
  Slot& unfinished = r.slots[1];
  const std::uint64_t header = unfinished.header.exchange(0);
  r.local.write<Event::kInterrupt>(3, 9U, 2U);
  EXPECT_FALSE(r.local.ring.read(1).has_value()) << "not complete: nobody may see it";
  const auto interrupt = r.local.ring.read(2);
  ASSERT_TRUE(interrupt.has_value());
  EXPECT_EQ(interrupt->event, Event::kInterrupt);
  unfinished.header = header;
  const auto resumed = r.local.ring.read(1);
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->first, 101U);
}

TEST(TraceRing, ASlotThatIsFilledAnewIsNotRead) {
  Recorder r;
  for (std::uint64_t i = 0; i < Ring::kMinSlots; ++i) r.local.write<Event::kDevice>(i, i);
  ASSERT_TRUE(r.local.ring.read(0).has_value());
  // The next write has reserved slot 0 and stored its first words: the old header is still there.
  const std::uint64_t header = r.slots[0].header;
  r.local.write<Event::kDevice>(1000, 1000U);
  r.slots[0].header = header;
  EXPECT_FALSE(r.local.ring.read(0).has_value());
}

struct Seen {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> torn{0};
};

std::uint64_t mix(std::uint64_t number) {
  return number * 0x9e37'79b9'7f4a'7c15U;
}

/// Reads all that the ring holds. The oldest are the ones in danger.
void read_round(const Ring& ring, Seen& seen) {
  const std::uint64_t head = ring.written();
  for (std::uint64_t i = ring.lost(); i < head; ++i) {
    const auto record = ring.read(i);
    if (!record) continue;
    seen.records.fetch_add(1, std::memory_order_relaxed);
    const bool is_whole = record->first == mix(i) && record->second == mix(record->first) &&
                          record->time == i && record->event == Event::kGuestStart;
    if (!is_whole) seen.torn.fetch_add(1);
  }
}

/// A writer on one thread, readers on others: whatever they get is whole.
TEST(TraceRing, ReadersSeeWholeRecordsOrNone) {
  Recorder r;
  std::atomic<bool> done{false};
  Seen seen;
  constexpr std::uint64_t kCount = 200'000;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      while (!done.load()) read_round(r.local.ring, seen);
    });
  }
  for (std::uint64_t i = 0; i < kCount; ++i) {
    r.local.write<Event::kGuestStart>(i, mix(i), mix(mix(i)));
  }
  // At the least the last round is there to be read, in peace.
  while (seen.records.load() < Ring::kMinSlots) std::this_thread::yield();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(seen.torn.load(), 0U);
}

/// Several threads may not write; but the reservation alone keeps what they write apart, which is
/// all that an interrupt on the same hart needs. Rounds are short enough that no slot comes twice.
TEST(TraceRing, InterleavedWritersOfOneHartLoseNothing) {
  Recorder r(1024);
  std::vector<std::thread> writers;
  for (std::uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&r, writer] {
      for (std::uint64_t i = 0; i < 256; ++i) {
        r.local.write<Event::kGuestStart>(i, writer * 256 + i, ~(writer * 256 + i));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1024; ++i) {
    const auto record = r.local.ring.read(i);
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->second, ~record->first);
    seen.insert(record->first);
  }
  EXPECT_EQ(seen.size(), 1024U);
}

TEST(TraceGroups, AreParsedByName) {
  EXPECT_EQ(parse_groups("on").mask, kAllGroups);
  EXPECT_EQ(parse_groups("off").mask, kNoGroups);
  EXPECT_EQ(parse_groups("sched,irq").mask, bit(Group::kSched) | bit(Group::kIrq));
  const ParsedGroups partly = parse_groups("wake,frob,,guest");
  EXPECT_EQ(partly.mask, bit(Group::kWake) | bit(Group::kGuest));
  EXPECT_EQ(partly.rejected, "frob");
  EXPECT_TRUE(parse_groups("").rejected.empty());
}

TEST(TraceGroups, AGroupThatIsOffIsNotWanted) {
  Recorder r;
  r.local.enabled = bit(Group::kSched);
  EXPECT_TRUE(r.local.wants(Group::kSched));
  EXPECT_FALSE(r.local.wants(Group::kSyscall));
}

}  // namespace
}  // namespace quoll::trace
