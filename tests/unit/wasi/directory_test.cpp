// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace quoll::wasi::testing {
namespace {

constexpr std::uint32_t kBuffer = 0x1000;
constexpr std::uint32_t kUsed = 0x100;

TEST(Prestat, NamesPreopenedDirectoriesFromThreeOn) {
  FakeHost host;
  Program program(host);
  EXPECT_EQ(program.call("fd_prestat_get", {3, 64}), Errno::kSuccess);
  EXPECT_EQ(program.u32(64), 0u);
  EXPECT_EQ(program.u32(68), 2u);
  EXPECT_EQ(program.call("fd_prestat_dir_name", {3, 72, 2}), Errno::kSuccess);
  EXPECT_EQ(program.text(72, 3), std::string("/d\0", 3)) << "no terminator is written";
  EXPECT_EQ(program.call("fd_prestat_dir_name", {3, 72, 1}), Errno::kNametoolong);
  EXPECT_EQ(program.call("fd_prestat_get", {0, 64}), Errno::kBadf);
  EXPECT_EQ(program.call("fd_prestat_get", {4, 64}), Errno::kBadf) << "where libc stops to ask";
}

struct Listed {
  std::uint64_t next;
  std::string name;
  std::uint8_t type;
  bool operator==(const Listed&) const = default;
};

// Reads a directory through a buffer of `size`, as libc does: what was cut off is asked for again.
std::vector<Listed> list(Program& program, std::uint32_t directory, std::uint32_t size) {
  std::vector<Listed> out;
  std::uint64_t cookie = 0;
  for (;;) {
    EXPECT_EQ(program.call("fd_readdir", {directory, kBuffer, size, cookie, kUsed}),
              Errno::kSuccess);
    const std::uint32_t used = program.u32(kUsed);
    EXPECT_LE(used, size);
    std::uint32_t at = kBuffer;
    std::size_t whole = 0;
    while (at + 24 <= kBuffer + used) {
      const std::uint32_t length = program.u32(at + 16);
      if (at + 24 + length > kBuffer + used) break;
      cookie = program.u64(at);
      out.push_back({cookie, program.text(at + 24, length), program.load<std::uint8_t>(at + 20)});
      at += 24 + length;
      ++whole;
    }
    if (used < size) return out;
    if (whole == 0) {
      ADD_FAILURE() << "no progress";
      return out;
    }
  }
}

TEST(FdReaddir, ListsItselfItsParentAndAllEntries) {
  FakeHost host;
  host.add_file("alpha", "1");
  host.add_directory("beta");
  Program program(host);
  const auto entries = list(program, 3, 4096);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].name, ".");
  EXPECT_EQ(entries[0].type, 3u);
  EXPECT_EQ(entries[1].name, "..");
  EXPECT_EQ(entries[2].name, "alpha");
  EXPECT_EQ(entries[2].type, 4u);
  EXPECT_EQ(entries[3].name, "beta");
  EXPECT_EQ(entries[3].type, 3u);
}

TEST(FdReaddir, SaysTheSameThroughEveryBufferThatHoldsOneEntry) {
  FakeHost host;
  for (int i = 0; i < 120; ++i) host.add_file("entry-" + std::to_string(1000 + i), "");
  host.add_file(std::string(255, 'z'), "");
  Program program(host);
  const auto whole = list(program, 3, 32768);
  EXPECT_EQ(whole.size(), 123u);
  for (std::uint32_t size = 280; size < 1400; size += 17) {
    EXPECT_EQ(list(program, 3, size), whole) << size;
  }
}

TEST(FdReaddir, CutsTheLastEntryOffWhereTheBufferEnds) {
  FakeHost host;
  host.add_file("alpha", "1");
  Program program(host);
  for (std::uint32_t size = 0; size < 24 + 1; ++size) {
    EXPECT_EQ(program.call("fd_readdir", {3, kBuffer, size, 0, kUsed}), Errno::kSuccess);
    EXPECT_EQ(program.u32(kUsed), size);
  }
}

TEST(FdReaddir, BeginsAtAnyCookieAndEndsEmpty) {
  FakeHost host;
  host.add_file("alpha", "1");
  Program program(host);
  const auto entries = list(program, 3, 4096);
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    EXPECT_EQ(program.call("fd_readdir", {3, kBuffer, 4096, entries[i].next, kUsed}),
              Errno::kSuccess);
    EXPECT_EQ(program.text(kBuffer + 24, entries[i + 1].name.size()), entries[i + 1].name);
  }
  EXPECT_EQ(program.call("fd_readdir", {3, kBuffer, 4096, entries.back().next, kUsed}),
            Errno::kSuccess);
  EXPECT_EQ(program.u32(kUsed), 0u);
}

TEST(FdReaddir, NeedsADirectory) {
  FakeHost host;
  host.add_file("f", "1");
  Program program(host);
  std::uint32_t file = 0;
  ASSERT_EQ(program.open("f", file), Errno::kSuccess);
  EXPECT_EQ(program.call("fd_readdir", {file, kBuffer, 100, 0, kUsed}), Errno::kNotdir);
  EXPECT_EQ(program.call("fd_readdir", {1, kBuffer, 100, 0, kUsed}), Errno::kNotdir);
  EXPECT_EQ(program.call("fd_readdir", {55, kBuffer, 100, 0, kUsed}), Errno::kBadf);
}

}  // namespace
}  // namespace quoll::wasi::testing
