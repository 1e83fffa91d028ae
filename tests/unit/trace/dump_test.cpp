// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <quoll/trace/dump.hpp>

namespace quoll::trace {
namespace {

struct Chunk {
  std::string tag;
  std::string content;
};

std::string read_all(const DumpSource& source, std::size_t room = Dump::kPiece) {
  Dump dump(source);
  std::string all;
  std::vector<std::byte> piece(room);
  while (const std::size_t size = dump.next(piece)) {
    EXPECT_LE(size, room);
    EXPECT_EQ(size % 8, 0U);
    all.append(reinterpret_cast<const char*>(piece.data()), size);  // SAFETY: bytes as characters
  }
  EXPECT_EQ(dump.next(piece), 0U);
  return all;
}

std::vector<Chunk> split(const std::string& file) {
  EXPECT_EQ(file.substr(0, 8), "QLTRACE1");
  std::vector<Chunk> chunks;
  for (std::size_t at = 8; at < file.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, file.data() + at + 4, 4);
    chunks.push_back({file.substr(at, 4), file.substr(at + 8, size)});
    at += (8 + std::size_t{size} + 7) / 8 * 8;
    EXPECT_LE(at, file.size());
  }
  return chunks;
}

std::uint64_t word(const std::string& content, std::size_t index) {
  std::uint64_t value = 0;
  std::memcpy(&value, content.data() + 8 * index, 8);
  return value;
}

struct Hart {
  explicit Hart(std::size_t size) : slots(new Slot[size]) {
    local.ring.set_memory({slots.get(), size});
  }
  std::unique_ptr<Slot[]> slots;
  Local local;
};

/// What a test wants to know of a dump.
struct Content {
  explicit Content(const std::string& file) {
    for (const Chunk& chunk : split(file)) take(chunk);
  }
  void take(const Chunk& chunk) {
    if (chunk.tag == "INFO") ticks_per_second = word(chunk.content, 0);
    if (chunk.tag == "EVNT") ++events;
    if (chunk.tag == "NAME") names += chunk.content;
    if (chunk.tag == "GSTS") guests += chunk.content;
    if (chunk.tag == "DONE") told = word(chunk.content, 0);
    if (chunk.tag != "RECS") return;
    for (std::size_t i = 1; i + 4 <= chunk.content.size() / 8; i += 4) {
      records[word(chunk.content, 0)].push_back(word(chunk.content, i + 2));
    }
  }

  std::uint64_t ticks_per_second = 0;
  unsigned events = 0;
  std::string names;
  std::string guests;
  std::uint64_t told = 0;
  std::map<std::uint64_t, std::vector<std::uint64_t>> records;  // by hart: their first words
};

TEST(TraceDump, HoldsTheTableAndEveryRecord) {
  Hart a(1024);
  Hart b(128);
  for (std::uint64_t i = 0; i < 1000; ++i) a.local.write<Event::kDevice>(i, i);
  for (std::uint64_t i = 0; i < 300; ++i) b.local.write<Event::kSpawn>(i, 7U, i, i);
  const Local* const harts[] = {&a.local, nullptr, &b.local};
  GuestName guests[2];
  guests[1] = {3, 9, {"hello"}};
  DumpSource source;
  source.harts = harts;
  source.guests = guests;
  source.ticks_per_second = 10'000'000;
  source.words.text = [](std::uint32_t key) noexcept -> std::string_view {
    return key == 7 ? "seven" : "";
  };
  for (const std::size_t room : {Dump::kPiece, std::size_t{4096}, std::size_t{10'000}}) {
    const Content content(read_all(source, room));
    EXPECT_EQ(content.ticks_per_second, 10'000'000U);
    EXPECT_EQ(content.events, kEvents.size());
    EXPECT_EQ(content.names, "7 seven\n");
    EXPECT_EQ(content.guests, "3 9 hello\n");
    ASSERT_EQ(content.records.at(0).size(), 1000U);
    EXPECT_EQ(content.records.at(0)[999], 999U);
    ASSERT_EQ(content.records.at(2).size(), 128U);
    EXPECT_EQ(content.records.at(2)[0], 300U - 128U);
    EXPECT_EQ(content.told, 1128U);
  }
}

TEST(TraceDump, IsCompleteWithoutHartsOrRecords) {
  const std::vector<Chunk> none = split(read_all({}));
  EXPECT_EQ(none.back().tag, "DONE");
  Hart idle(128);
  const Local* const harts[] = {&idle.local};
  DumpSource source;
  source.harts = harts;
  const std::vector<Chunk> chunks = split(read_all(source));
  EXPECT_EQ(chunks.back().tag, "DONE");
  EXPECT_EQ(word(chunks.back().content, 0), 0U);
}

TEST(TraceDump, DescribesEachField) {
  for (const Chunk& chunk : split(read_all({}))) {
    if (chunk.tag != "EVNT" || !chunk.content.starts_with("1 ")) continue;
    EXPECT_EQ(chunk.content,
              "1 slice sched\n"
              "why choice small 0 2 suspended|yielded|ended\n"
              "name text small 2 22 \n"
              "task task first 0 64 \n"
              "begin begin second 0 64 \n");
    return;
  }
  FAIL() << "no such event";
}

TEST(TraceDump, ManyNamesTakeSeveralChunksAndStayBounded) {
  Hart a(1024);
  for (std::uint64_t i = 1; i <= 400; ++i) a.local.write<Event::kSpawn>(i, i, i, 0U);
  const Local* const harts[] = {&a.local};
  DumpSource source;
  source.harts = harts;
  source.words.text = [](std::uint32_t) noexcept -> std::string_view {
    return "a name that is as long as names of tasks ever get to be, or longer than that";
  };
  std::size_t lines = 0;
  for (const Chunk& chunk : split(read_all(source))) {
    if (chunk.tag == "NAME") {
      lines +=
          static_cast<std::size_t>(std::count(chunk.content.begin(), chunk.content.end(), '\n'));
    }
  }
  EXPECT_EQ(lines, 256U);
}

}  // namespace
}  // namespace quoll::trace
