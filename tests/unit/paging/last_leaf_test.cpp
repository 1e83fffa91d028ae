// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A hart goes straight to the table of granules that it locked last: as long as that table is one,
// and for the addresses that it covers.
#include <gtest/gtest.h>
#include <optional>

#include "cursor_fixture.hpp"

namespace quoll::paging {
namespace {

constexpr auto kNothing = [](auto...) {};

/// Counts how often a table's record was looked for: never, when nobody goes down.
struct CountingMemory : Memory {
  unsigned* looks;
  TableRecord record(PhysicalAddress table) {
    ++*looks;
    return Memory::record(table);
  }
};

class LastLeafTest : public CursorTest {
 protected:
  using Counted = PageTable<riscv::Sv, CountingMemory>;

  LastLeafTest() {
    tree.emplace(format, root, CountingMemory{{&pool}, &looks}, Reclaim::kEmptyTables);
  }

  /// Maps a page, or takes it out, by itself.
  void enter(VirtualAddress at, std::uint64_t to) {
    ASSERT_TRUE(
        tree->page_mut(at)->map(PhysicalAddress(to), user(Permissions::read_only()), flush));
  }
  /// Takes out all there is, tables included.
  void clear(const VirtualRange& range) {
    ASSERT_TRUE(tree->cursor_mut(range, format.user_half())->unmap(range.size(), flush, kNothing));
  }
  /// The tree takes out what it linked: the count of its root's entries is its own.
  void finish() {
    clear(format.user_half());
    settle();
  }
  std::optional<PhysicalAddress> look(VirtualAddress at) {
    const auto item = tree->page_mut(at)->query();
    if (!item.leaf) return std::nullopt;
    return item.leaf->address;
  }

  unsigned looks = 0;
  std::optional<Counted> tree;
};

TEST_P(LastLeafTest, IsNotLookedForAgain) {
  enter(page(3), 0x5000);
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  looks = 0;
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  EXPECT_EQ(look(page(511)), std::nullopt);
  EXPECT_EQ(tree->cursor(page(2), 510 * kPageSize)->find_next(kPageSize)->has_value(), false);
  enter(page(4), 0x6000);
  ASSERT_TRUE(tree->page_mut(page(4))->replace(PhysicalAddress(0x7000),
                                               user(Permissions::read_only()), flush));
  ASSERT_TRUE(tree->cursor_mut(page(3), kPageSize)->unmap(kPageSize, flush, kNothing));
  EXPECT_EQ(looks, 0u);
  EXPECT_EQ(look(page(3)), std::nullopt);
  EXPECT_EQ(look(page(4)), PhysicalAddress(0x7000));
  EXPECT_EQ(looks, 0u);
  // Ranges that are none, or not the table's, take the long way and meet the rule.
  EXPECT_EQ(tree->page_mut(VirtualAddress(1)).error(), MapError::kUnaligned);
  EXPECT_EQ(tree->cursor(page(3), 0).error(), MapError::kEmpty);
  EXPECT_EQ(tree->cursor(page(3), 1).error(), MapError::kUnaligned);
  EXPECT_EQ(tree->cursor(page(3), 0 - kPageSize).error(), MapError::kOverflow);
  EXPECT_EQ(tree->cursor(page(511), 2 * kPageSize)->range().size(), 2 * kPageSize);
  EXPECT_GT(looks, 0u);
  finish();
}

TEST_P(LastLeafTest, IsOneTree) {
  enter(page(3), 0x5000);
  const PhysicalAddress other_root = *Memory{&pool}.allocate();
  {
    Counted other(format, other_root, CountingMemory{{&pool}, &looks}, Reclaim::kEmptyTables);
    EXPECT_FALSE(other.page_mut(page(3))->query().is_mapped());
    EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
    EXPECT_FALSE(other.page_mut(page(3))->query().is_mapped());
  }
  Memory{&pool}.release(other_root);
  finish();
}

TEST_P(LastLeafTest, IsForgottenWithItsTree) {
  map(page(3).value(), 0x5000, kPageSize);
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  const PhysicalAddress other_root = *Memory{&pool}.allocate();
  // Another tree in the same place, which finds what is below its own root.
  tree.emplace(format, other_root, CountingMemory{{&pool}, &looks}, Reclaim::kEmptyTables);
  EXPECT_EQ(look(page(3)), std::nullopt);
  tree.emplace(format, root, CountingMemory{{&pool}, &looks}, Reclaim::kEmptyTables);
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  Memory{&pool}.release(other_root);
}

TEST_P(LastLeafTest, IsForgottenWhenATableIsUnlinked) {
  enter(page(3), 0x5000);
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  {
    // By another hart; the table still has its lock, and its entries are what they were.
    const arch::mock::AsHart other(1);
    clear(VirtualRange(page(0), k2M));
  }
  EXPECT_TRUE(flush.holds_tables());
  EXPECT_EQ(look(page(3)), std::nullopt);
  enter(page(3), 0x6000);
  settle();
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x6000));
  EXPECT_EQ(reach(page(3).value()), PhysicalAddress(0x6000));
  finish();
}

TEST_P(LastLeafTest, IsForgottenWhenItsFrameIsUsedAgain) {
  enter(page(3), 0x5000);
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x5000));
  clear(VirtualRange(page(0), k2M));
  settle();
  // The frame that was the table's is one of another place's now, of whatever level.
  const VirtualAddress elsewhere(k1G + 3 * kPageSize);
  {
    const arch::mock::AsHart other(1);
    enter(elsewhere, 0x6000);
  }
  EXPECT_EQ(look(page(3)), std::nullopt);
  EXPECT_EQ(look(elsewhere), PhysicalAddress(0x6000));
  enter(page(3), 0x7000);
  EXPECT_EQ(look(elsewhere), PhysicalAddress(0x6000));
  EXPECT_EQ(look(page(3)), PhysicalAddress(0x7000));
  finish();
}

TEST_P(LastLeafTest, IsForgottenWhenPagesAreMerged) {
  for (std::uint64_t i = 0; i < 512; ++i) enter(page(i), k2M + i * kPageSize);
  EXPECT_EQ(look(page(3)), PhysicalAddress(k2M + 3 * kPageSize));
  {
    auto all = tree->cursor_mut(VirtualRange(page(0), k2M), format.user_half());
    ASSERT_TRUE(all->merge(mem::PageSize::k2MiB, flush));
  }
  EXPECT_EQ(tree->page_mut(page(3))->query().range, VirtualRange(page(0), k2M));
  finish();
}

INSTANTIATE_TEST_SUITE_P(Modes, LastLeafTest, all_modes(), mode_name);

}  // namespace
}  // namespace quoll::paging
