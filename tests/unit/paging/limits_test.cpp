// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What lies right at a limit: the last hart, the last entry, the last frame, ranges that two
// requests describe differently.
#include <array>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>

#include <quoll/paging/page_table.hpp>
#include <quoll/riscv/sv.hpp>

#include "table_pool.hpp"

namespace quoll::paging {
namespace {

using mem::kPageSize;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualAddress;
using mem::VirtualRange;

constexpr std::size_t kTables = 32;

class PagingLimits : public testing::Test {
 protected:
  arch::mock::Machine machine{{PhysicalRange(PhysicalAddress(kRamStart), kTables* kPageSize)}, 1};
  Pool pool{machine, kTables};
  Memory memory{&pool};
  PhysicalAddress root = *memory.allocate();
  PageTable<riscv::Sv, Memory> table{riscv::Sv(riscv::PagingMode::kSv39), root, memory,
                                     Reclaim::kEmptyTables};
  const Properties properties{mem::Permissions::read_write().for_user()};
  const VirtualRange half = table.format().user_half();
};

TEST(WalkSections, AreLookedAtUpToTheLastHartAndNoFurther) {
  constexpr unsigned kHarts = 3;
  // The last word is the end of its allocation.
  const auto sections = std::make_unique<WalkSections<kHarts>>();
  sections->wait_for_walkers(kHarts, [] { FAIL() << "nobody walks"; });
  for (unsigned walker = 0; walker < kHarts; ++walker) {
    sections->enter(walker);
    // Waiting for those below does not wait for it.
    sections->wait_for_walkers(walker, [] { FAIL() << "the walker is not asked for"; });
    unsigned rounds = 0;
    sections->wait_for_walkers(walker + 1, [&] {
      if (++rounds == 3) sections->leave(walker);
    });
    EXPECT_EQ(rounds, 3u);
  }
}

TEST_F(PagingLimits, SharingAHalfWritesToNothingElse) {
  constexpr std::size_t kEntries = riscv::Sv::kEntriesPerTable;
  auto* const entries = static_cast<std::uint64_t*>(memory.pointer(root));
  for (std::size_t i = 0; i < kEntries; ++i) entries[i] = 0x1000 * (i + 1);
  const PhysicalAddress other = *memory.allocate();
  const PhysicalAddress next = *memory.allocate();
  ASSERT_EQ(next - other, kPageSize);
  ASSERT_EQ(other - root, kPageSize);
  auto* const shared = static_cast<std::uint64_t*>(memory.pointer(other));
  auto* const behind = static_cast<std::uint64_t*>(memory.pointer(next));
  *behind = 7;
  PageTable<riscv::Sv, Memory> second{riscv::Sv(riscv::PagingMode::kSv39), other, memory,
                                      Reclaim::kEmptyTables};
  second.share_kernel_half(root);
  for (std::size_t i = 0; i < kEntries; ++i) {
    ASSERT_EQ(shared[i], i < kEntries / 2 ? 0 : entries[i]) << i;
  }
  EXPECT_EQ(*behind, 7u);
  for (std::size_t i = 0; i < kEntries; ++i) entries[i] = shared[i] = 0;
}

TEST_F(PagingLimits, WiderCursorsRefuseWhatNarrowOnesDo) {
  const VirtualRange page(VirtualAddress(4 * kPageSize), kPageSize);
  EXPECT_EQ(table.cursor_mut(VirtualRange(page.start() + 1, kPageSize), half).error(),
            MapError::kUnaligned);
  EXPECT_EQ(table.cursor_mut(VirtualRange(page.start(), 0), half).error(), MapError::kEmpty);
  EXPECT_EQ(table.cursor_mut(page, VirtualRange(page.start() - 1, 2 * kPageSize)).error(),
            MapError::kUnaligned);
  EXPECT_EQ(table.cursor_mut(page, VirtualRange(page.start(), 0)).error(), MapError::kEmpty);
  EXPECT_EQ(table.cursor_mut(page, VirtualRange(half.start(), half.size() + kPageSize)).error(),
            MapError::kNotCanonical);
  EXPECT_EQ(table.cursor_mut(page, VirtualRange(page.end(), kPageSize)).error(),
            MapError::kOutsideCursor);
}

TEST_F(PagingLimits, TheLastFrameCanBeMappedAndNoneBehindIt) {
  const PhysicalAddress limit = table.format().physical_limit();
  const std::array last{limit - kPageSize};
  const std::array behind{limit};
  const std::array crooked{limit - kPageSize - 1};
  Flush flush;
  {
    auto cursor = table.cursor_mut(VirtualAddress(0), 4 * kPageSize);
    EXPECT_EQ(cursor->map_frames(behind, properties, flush).error(), MapError::kPhysicalRange);
    EXPECT_EQ(cursor->map_frames(crooked, properties, flush).error(), MapError::kUnaligned);
    EXPECT_EQ(flush.reach(), FenceReach::kNone);
    ASSERT_TRUE(cursor->map_frames(last, properties, flush));
    EXPECT_EQ(flush.reach(), FenceReach::kLocal);
    EXPECT_EQ(cursor->map(limit, kPageSize, properties, flush).error(), MapError::kPhysicalRange);
    ASSERT_TRUE(cursor->map(limit - kPageSize, kPageSize, properties, flush));
    EXPECT_EQ(cursor->map(limit - kPageSize, 2 * kPageSize, properties, flush).error(),
              MapError::kPhysicalRange);
  }
  ASSERT_TRUE(table.unmap(VirtualRange(VirtualAddress(0), 4 * kPageSize), flush, [](auto...) {}));
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  flush.waive();
  flush.release_tables(memory);
}

}  // namespace
}  // namespace quoll::paging
