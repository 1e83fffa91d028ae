// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The letter of docs/abi.md: numbers and offsets that the other side was compiled against.
#include <cstddef>
#include <gtest/gtest.h>
#include <set>
#include <string_view>
#include <type_traits>

#include <quoll/abi/error.hpp>
#include <quoll/abi/limits.hpp>
#include <quoll/abi/syscall.hpp>
#include <quoll/abi/types.hpp>

namespace quoll::abi {
namespace {

TEST(Abi, StructuresKeepTheirOffsets) {
  EXPECT_EQ(offsetof(Stat, size), 16u);
  EXPECT_EQ(offsetof(Stat, modified_ns), 32u);
  EXPECT_EQ(offsetof(DirectoryEntry, kind), 16u);
  EXPECT_EQ(offsetof(WaitItem, ready), 8u);
  EXPECT_EQ(offsetof(FaultFrame, registers), 48u);
  EXPECT_EQ(offsetof(TimePage, boot_ticks), 8u);
  EXPECT_EQ(offsetof(TimePage, realtime_offset_ns), 40u);
  EXPECT_EQ(offsetof(StartBlock, time_page), 16u);
  EXPECT_EQ(offsetof(StartBlock, module), 80u);
  EXPECT_EQ(offsetof(StartBlock, preopens), 124u);
}

TEST(Abi, StructuresAreBytesWithoutPadding) {
  EXPECT_TRUE(std::has_unique_object_representations_v<Stat>);
  EXPECT_TRUE(std::has_unique_object_representations_v<DirectoryEntry>);
  EXPECT_TRUE(std::has_unique_object_representations_v<WaitItem>);
  EXPECT_TRUE(std::has_unique_object_representations_v<FaultFrame>);
  EXPECT_TRUE(std::has_unique_object_representations_v<TimePage>);
  EXPECT_TRUE(std::has_unique_object_representations_v<StartBlock>);
  EXPECT_TRUE(std::has_unique_object_representations_v<StartPreopen>);
}

TEST(Abi, EveryErrorHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::uint64_t i = 0; i <= static_cast<std::uint64_t>(Error::kUnsupported); ++i) {
    EXPECT_TRUE(names.insert(to_string(static_cast<Error>(i))).second) << i;
  }
  EXPECT_EQ(to_string(static_cast<Error>(1000)), "unknown error");
  EXPECT_FALSE(names.contains("unknown error"));
}

TEST(Abi, TheHighestCallIsBelowTheCount) {
  EXPECT_EQ(static_cast<std::uint64_t>(Syscall::kMemoryGuard) + 1, kSyscallCount);
}

}  // namespace
}  // namespace quoll::abi
