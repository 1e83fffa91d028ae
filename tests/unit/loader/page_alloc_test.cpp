// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "page_alloc.hpp"

#include <gtest/gtest.h>

namespace quoll::loader {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

TEST(AddressLayout, PartsAreInOrderAndDoNotMeet) {
  for (const auto& format : {riscv::kSv39, riscv::kSv48, riscv::kSv57}) {
    for (const handoff::PhysicalExtent ram : {handoff::PhysicalExtent{0x80000000, 0x88000000},
                                              handoff::PhysicalExtent{0x40000000, 0x240000000},
                                              handoff::PhysicalExtent{0x8000000000, 0x8100000000},
                                              handoff::PhysicalExtent{0x1000, 0xFFFFFFFFF000}}) {
      const AddressLayout layout = divide_address_space(format, ram);
      const auto physmap = layout.physmap.virtual_range();
      EXPECT_EQ(physmap.start, format.kernel_half().start().value());
      EXPECT_LT(physmap.start, physmap.end);
      EXPECT_EQ(physmap.end, layout.window.start);
      EXPECT_GE(layout.window.size(), 4 * kGiB);
      EXPECT_LE(layout.window.end, layout.kernel.start);
      EXPECT_EQ(layout.kernel.start, 0 - kGiB);
      EXPECT_LE(layout.physmap.physical_start, ram.start);
      // Congruent, so that the largest pages fit.
      const std::uint64_t largest = riscv::Sv::page_bytes(format.levels() - 1);
      EXPECT_EQ((layout.physmap.virtual_start - layout.physmap.physical_start) % largest, 0U);
    }
  }
}

TEST(AddressLayout, ReachesAllRamThatTheModeHasRoomFor) {
  const handoff::PhysicalExtent large{0x80000000, 0x80000000 + 300 * kGiB};
  const AddressLayout small = divide_address_space(riscv::kSv39, large);
  EXPECT_EQ(small.physmap.size, 251 * kGiB);
  const AddressLayout wide = divide_address_space(riscv::kSv48, large);
  EXPECT_GE(wide.physmap.physical_start + wide.physmap.size, large.end);
}

TEST(PageAllocator, LeavesGuardPagesOnBothSides) {
  PageAllocator pages({0x100000, 0x200000}, 2);
  const auto first = pages.allocate(3);
  const auto second = pages.allocate(1);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->start, 0x102000U);
  EXPECT_EQ(first->size(), 0x3000U);
  EXPECT_EQ(second->start - first->end, 0x2000U);
  EXPECT_EQ(pages.rest().start, second->end);
  EXPECT_EQ(pages.rest().end, 0x200000U);
}

TEST(PageAllocator, SaysWhenTheWindowIsFull) {
  PageAllocator pages({0x100000, 0x106000}, 1);
  EXPECT_FALSE(pages.allocate(5).has_value());
  EXPECT_TRUE(pages.allocate(4).has_value());
  EXPECT_FALSE(pages.allocate(1).has_value());
}

}  // namespace
}  // namespace quoll::loader
