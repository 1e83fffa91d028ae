// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every operation of cursors in all three modes, what it refuses, and what it locks. Long, for it
// is a list: each test stands alone, and whoever adds an operation finds its neighbours here.
#include <array>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "cursor_fixture.hpp"

namespace quoll::paging {
namespace {

constexpr auto kNothing = [](auto...) {};

TEST_P(CursorTest, LooksGoesAndIterates) {
  map(k2M, 4 * k2M, k2M);
  map(2 * k2M + 3 * kPageSize, 0x9000'0000, 2 * kPageSize);
  auto cursor = table.cursor(page(0), k1G);
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->query()->range, VirtualRange(page(0), k2M));
  EXPECT_FALSE(cursor->query()->is_mapped());

  const auto large = cursor->find_next(k1G);
  EXPECT_EQ((*large)->range, VirtualRange(VirtualAddress(k2M), k2M));
  EXPECT_EQ(cursor->position(), VirtualAddress(k2M));
  ASSERT_TRUE(cursor->jump(VirtualAddress(k2M + kPageSize)));
  EXPECT_EQ(cursor->query()->leaf->address, PhysicalAddress(4 * k2M));
  EXPECT_EQ(cursor->next()->range, VirtualRange(VirtualAddress(k2M), k2M));
  EXPECT_EQ(cursor->position(), VirtualAddress(2 * k2M));

  EXPECT_FALSE(*cursor->find_next(3 * kPageSize));
  EXPECT_EQ(cursor->position(), VirtualAddress(2 * k2M + 3 * kPageSize));
  EXPECT_EQ(cursor->next()->leaf->address, PhysicalAddress(0x9000'0000));
  EXPECT_EQ(cursor->next()->leaf->address, PhysicalAddress(0x9000'1000));
  EXPECT_FALSE(cursor->next()->is_mapped());
  EXPECT_FALSE(*cursor->find_next(cursor->remaining()));
  EXPECT_TRUE(cursor->is_at_end());
  EXPECT_FALSE(cursor->next());
  EXPECT_EQ(cursor->query().error(), MapError::kOutsideCursor);
}

TEST_P(CursorTest, CutsVacantStretchesAtItsEnd) {
  map(0, 0x9000'0000, kPageSize);
  auto cursor = table.cursor(page(1), 2 * kPageSize);
  EXPECT_EQ(cursor->query()->range, VirtualRange(page(1), kPageSize));
  auto wide = table.cursor(VirtualAddress(k1G + kPageSize), 7 * kPageSize);
  EXPECT_EQ(wide->next()->range, VirtualRange(VirtualAddress(k1G + kPageSize), 7 * kPageSize));
  EXPECT_TRUE(wide->is_at_end());
}

TEST_P(CursorTest, MapsListsOfFrames) {
  const std::array<PhysicalAddress, 3> frames{
      PhysicalAddress(0x9000'5000), PhysicalAddress(0x9000'1000), PhysicalAddress(0xa000'0000)};
  const VirtualAddress start = VirtualAddress(k2M) - kPageSize;
  {
    auto cursor = table.cursor_mut(start, 3 * kPageSize);
    ASSERT_TRUE(cursor->map_frames(frames, user(Permissions::read_only()), flush));
    EXPECT_TRUE(cursor->is_at_end());
  }
  settle();
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reach(start.value() + i * kPageSize + 9), frames[i] + 9);
  }
}

TEST_P(CursorTest, ReplacesOneGranule) {
  map(0x5000, 0x9000'0000, kPageSize);
  EXPECT_TRUE(reach(0x5000));
  {
    auto cursor = table.cursor_mut(page(5), kPageSize);
    EXPECT_EQ(cursor->replace(PhysicalAddress(0x9000'3000), user(Permissions::read_only()), flush)
                  ->address,
              PhysicalAddress(0x9000'0000));
  }
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle();
  EXPECT_EQ(reach(0x5000), PhysicalAddress(0x9000'3000));
  EXPECT_FALSE(reach(0x5000, mem::Access::kWrite));
}

TEST_P(CursorTest, ResolvesTheFaultOfOnePage) {
  const VirtualAddress at(k1G + 5 * kPageSize);
  {
    auto missing = table.page_mut(at);
    ASSERT_TRUE(missing);
    EXPECT_FALSE(missing->query().is_mapped());
    EXPECT_EQ(
        missing->replace(PhysicalAddress(0x5000), user(Permissions::read_only()), flush).error(),
        MapError::kNotMapped);
    ASSERT_TRUE(missing->map(PhysicalAddress(0x5000), user(Permissions::read_only()), flush));
    EXPECT_EQ(missing->query(),
              (VmItem{VirtualRange(at, kPageSize),
                      Leaf{PhysicalAddress(0x5000), user(Permissions::read_only())}}));
    EXPECT_EQ(flush.reach(), FenceReach::kLocal);
    EXPECT_EQ(flush.range(), VirtualRange(at, kPageSize));
    EXPECT_EQ(missing->map(PhysicalAddress(0x6000), user(Permissions::read_only()), flush).error(),
              MapError::kAlreadyMapped);
  }
  EXPECT_TRUE(log.held.empty());
  EXPECT_EQ(reach(at.value()), PhysicalAddress(0x5000));
  {
    auto present = table.page_mut(at);
    ASSERT_TRUE(present);
    const auto before =
        present->replace(PhysicalAddress(0x6000), user(Permissions::read_write()), flush);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->address, PhysicalAddress(0x5000));
    EXPECT_EQ(flush.reach(), FenceReach::kAll);
  }
  settle();
  EXPECT_EQ(reach(at.value(), mem::Access::kWrite), PhysicalAddress(0x6000));
  map(2 * k1G, k1G, k2M);
  {
    auto large = table.page_mut(VirtualAddress(2 * k1G + kPageSize));
    ASSERT_TRUE(large);
    EXPECT_EQ(large->query().range, VirtualRange(VirtualAddress(2 * k1G), k2M));
    EXPECT_EQ(large->map(PhysicalAddress(0x6000), user(Permissions::read_only()), flush).error(),
              MapError::kAlreadyMapped);
    EXPECT_EQ(
        large->replace(PhysicalAddress(0x6000), user(Permissions::read_only()), flush).error(),
        MapError::kSplitsLargePage);
    EXPECT_EQ(large->map(PhysicalAddress(0x6001), user(Permissions::read_only()), flush).error(),
              MapError::kUnaligned);
    EXPECT_EQ(large->map(format.physical_limit(), user(Permissions::read_only()), flush).error(),
              MapError::kPhysicalRange);
  }
  EXPECT_EQ(table.page_mut(VirtualAddress(1)).error(), MapError::kUnaligned);
  EXPECT_EQ(table.page_mut(format.user_half().end()).error(), MapError::kNotCanonical);
}

TEST_P(CursorTest, UnmapsInTheMiddleOfALargePage) {
  map(0, k1G, k1G);
  EXPECT_EQ(tables_in_use(), format.levels() - 3);
  EXPECT_TRUE(reach(5 * k2M + kPageSize));
  std::vector<std::uint64_t> removed;
  ASSERT_TRUE(table.cursor_mut(VirtualAddress(5 * k2M + kPageSize), 2 * kPageSize)
                  ->unmap(2 * kPageSize, flush,
                          [&](VirtualAddress at, const Leaf& leaf, std::uint64_t size) {
                            EXPECT_EQ(leaf.address.value(), k1G + at.value());
                            EXPECT_EQ(size, kPageSize);
                            removed.push_back(at.value());
                          }));
  settle();
  EXPECT_EQ(removed, (std::vector{5 * k2M + kPageSize, 5 * k2M + 2 * kPageSize}));
  EXPECT_EQ(tables_in_use(), format.levels() - 1);
  EXPECT_FALSE(reach(5 * k2M + 2 * kPageSize));
  for (const std::uint64_t at : {std::uint64_t{0}, 5 * k2M, 5 * k2M + 3 * kPageSize, k1G - 1}) {
    EXPECT_EQ(reach(at), PhysicalAddress(k1G + at));
  }
}

TEST_P(CursorTest, TakesEmptyTablesOutBelowItsGuard) {
  map(k2M, 0x9000'0000, k2M, LargePages::kForbidden);
  const std::size_t path = format.levels() - 1;
  EXPECT_EQ(tables_in_use(), path);
  // The guard is the table itself: it stays.
  ASSERT_TRUE(table.cursor_mut(VirtualAddress(k2M), k2M)->unmap(k2M, flush, kNothing));
  settle();
  EXPECT_EQ(tables_in_use(), path);
  // The same pages with a guard above.
  const VirtualRange range(VirtualAddress(k2M), k2M);
  ASSERT_TRUE(table.cursor_mut(range, range)->unmap(k2M, flush, kNothing));
  settle();
  EXPECT_EQ(tables_in_use(), path - 1);
  ASSERT_TRUE(table.cursor_mut(range, format.user_half())->unmap(k2M, flush, kNothing));
  settle();
  EXPECT_EQ(tables_in_use(), 0u);
}

TEST_P(CursorTest, UnmappingLocksUpwardsOnlyAsFarAsTablesAreEmpty) {
  map(5 * k1G, 0x9000'0000, 2 * kPageSize);
  map(5 * k1G + k2M, 0x9000'0000, kPageSize);
  const std::size_t tables = tables_in_use();
  const auto unmap = [&](std::uint64_t at, std::uint64_t size) {
    log.ever.clear();
    ASSERT_TRUE(table.unmap(VirtualRange(VirtualAddress(at), size), flush, [](auto...) {}));
    settle();
  };
  unmap(5 * k1G, kPageSize);
  EXPECT_EQ(log.ever.size(), 1u);  // the leaf table, which has a page left
  EXPECT_EQ(tables_in_use(), tables);
  unmap(5 * k1G + kPageSize, kPageSize);
  EXPECT_EQ(log.ever.size(), 2u);  // and the one above, which has another table
  EXPECT_EQ(tables_in_use(), tables - 1);
  unmap(5 * k1G + k2M, kPageSize);
  EXPECT_EQ(tables_in_use(), 0u);
  unmap(5 * k1G, k2M);
  EXPECT_EQ(log.ever.size(), 1u);  // nothing there: the root
}

TEST_P(CursorTest, PruningTakesEmptyTablesAndNoPages) {
  map(k1G, 0x9000'0000, kPageSize);
  map(k1G + k2M, 0x9000'0000, kPageSize);
  const std::size_t tables = tables_in_use();
  {
    auto cursor = table.cursor_mut(VirtualAddress(k1G), kPageSize);
    EXPECT_FALSE(cursor->emptied());
    ASSERT_TRUE(cursor->unmap(kPageSize, flush, [](auto...) {}));
    EXPECT_EQ(*cursor->emptied(), VirtualRange(VirtualAddress(k1G), k2M));
  }
  {
    auto wide = table.cursor_mut(VirtualRange(VirtualAddress(k1G), 2 * k2M),
                                 VirtualRange(VirtualAddress(k1G), 2 * k2M));
    wide->prune(flush);
    EXPECT_FALSE(wide->emptied());
  }
  settle();
  EXPECT_EQ(tables_in_use(), tables - 1);
  EXPECT_TRUE(reach(k1G + k2M));
}

TEST_P(CursorTest, FillsOnlyVacantPagesOfTablesThatAreThere) {
  const auto can_fill = [&](std::uint64_t at) {
    return table.page_mut(VirtualAddress(at))->can_fill();
  };
  EXPECT_FALSE(can_fill(k1G));  // no table of granules
  map(k1G, 0x9000'0000, kPageSize);
  map(k1G + k2M, 0x9000'0000 + k2M, k2M);
  EXPECT_FALSE(can_fill(k1G));        // mapped
  EXPECT_FALSE(can_fill(k1G + k2M));  // inside a large page
  ASSERT_TRUE(can_fill(k1G + kPageSize));
  table.page_mut(VirtualAddress(k1G + kPageSize))
      ->fill(PhysicalAddress(0x9000'5000), user(Permissions::read_only()));
  EXPECT_FALSE(can_fill(k1G + kPageSize));
  EXPECT_EQ(reach(k1G + kPageSize), PhysicalAddress(0x9000'5000));
  EXPECT_FALSE(reach(k1G + kPageSize, mem::Access::kWrite));
  // It counts as an entry: its table goes with the last one.
  const std::size_t tables = tables_in_use();
  for (const std::uint64_t at : {k1G, k1G + kPageSize}) {
    EXPECT_EQ(tables_in_use(), tables);
    ASSERT_TRUE(table.unmap(VirtualRange(VirtualAddress(at), kPageSize), flush, [](auto...) {}));
    settle();
  }
  EXPECT_EQ(tables_in_use(), tables - 1);
}

TEST_P(CursorTest, ProtectsAllPagesOrTheNext) {
  map(0x5000, 0x9000'0000, 2 * kPageSize);
  map(0x9000, 0x9100'0000, kPageSize);
  EXPECT_TRUE(reach(0x5000, mem::Access::kWrite));
  const auto to_read_only = [&](VirtualAddress, const Leaf&) {
    return user(Permissions::read_only());
  };
  {
    auto cursor = table.cursor_mut(page(0), 16 * kPageSize);
    const auto first = cursor->protect_next(16 * kPageSize, flush, to_read_only);
    EXPECT_EQ((*first)->range, VirtualRange(page(5), kPageSize));
    EXPECT_EQ(cursor->position(), page(6));
  }
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle();
  EXPECT_FALSE(reach(0x5000, mem::Access::kWrite));
  EXPECT_TRUE(reach(0x6000, mem::Access::kWrite));
  {
    auto cursor = table.cursor_mut(page(6), 8 * kPageSize);
    ASSERT_TRUE(cursor->protect(8 * kPageSize, flush, to_read_only));
  }
  EXPECT_FALSE(
      *table.cursor_mut(page(16), kPageSize)->protect_next(kPageSize, flush, to_read_only));
  settle();
  EXPECT_FALSE(reach(0x6000, mem::Access::kWrite));
  EXPECT_FALSE(reach(0x9000, mem::Access::kWrite));
  ASSERT_TRUE(table.cursor_mut(page(5), kPageSize)->protect(kPageSize, flush, [&](auto...) {
    return user(Permissions::read_write());
  }));
  EXPECT_EQ(flush.reach(), FenceReach::kLocal);  // only wider
  settle();
}

TEST_P(CursorTest, ProtectsAPartOfALargePage) {
  map(k2M, 2 * k2M, k2M);
  EXPECT_TRUE(reach(k2M, mem::Access::kWrite));
  const auto none = [&](VirtualAddress, const Leaf& leaf) {
    return Properties{Permissions::none().for_user(), leaf.properties.cache};
  };
  const auto before = table.cursor_mut(VirtualAddress(k2M + kPageSize), kPageSize)
                          ->protect_next(kPageSize, flush, none);
  EXPECT_EQ((*before)->range, VirtualRange(VirtualAddress(k2M + kPageSize), kPageSize));
  settle();
  EXPECT_TRUE(reach(k2M, mem::Access::kWrite));
  EXPECT_FALSE(reach(k2M + kPageSize));
  EXPECT_EQ(table.query(VirtualAddress(k2M + kPageSize))->leaf.address,
            PhysicalAddress(2 * k2M + kPageSize));
  EXPECT_TRUE(reach(k2M + 2 * kPageSize, mem::Access::kWrite));
}

TEST_P(CursorTest, SplitsAndMerges) {
  map(k1G, k1G, k1G);
  const std::size_t before = tables_in_use();
  {
    auto cursor = table.cursor_mut(VirtualAddress(k1G), k1G);
    ASSERT_TRUE(cursor->jump(VirtualAddress(k1G + 7 * k2M)));
    ASSERT_TRUE(cursor->split(mem::PageSize::k4KiB, flush));
    EXPECT_EQ(cursor->query()->range.size(), kPageSize);
    ASSERT_TRUE(cursor->jump(VirtualAddress(k1G)));
    EXPECT_EQ(cursor->query()->range.size(), k2M);
  }
  settle();
  EXPECT_EQ(tables_in_use(), before + 2);
  for (const std::uint64_t at : {k1G, k1G + 7 * k2M + 5, 2 * k1G - 1}) {
    EXPECT_EQ(reach(at), PhysicalAddress(at));
  }
  {
    // A cursor whose guard is the table that would have to go.
    auto cursor = table.cursor_mut(VirtualAddress(k1G), k1G);
    EXPECT_EQ(cursor->merge(mem::PageSize::k1GiB, flush).error(), MapError::kNarrowCursor);
  }
  const VirtualRange range(VirtualAddress(k1G), k1G);
  {
    auto cursor = table.cursor_mut(range, range);
    ASSERT_TRUE(cursor->merge(mem::PageSize::k1GiB, flush));
    EXPECT_TRUE(cursor->is_at_end());
  }
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle();
  {
    // What is one page already is passed over.
    auto cursor = table.cursor_mut(range, range);
    ASSERT_TRUE(cursor->merge(mem::PageSize::k1GiB, flush));
    EXPECT_TRUE(cursor->is_at_end());
  }
  EXPECT_EQ(flush.reach(), FenceReach::kNone);
  EXPECT_EQ(tables_in_use(), before);
  EXPECT_EQ(table.query(VirtualAddress(k1G))->page, range);
  EXPECT_EQ(reach(k1G + 7 * k2M + 5), PhysicalAddress(k1G + 7 * k2M + 5));
}

TEST_P(CursorTest, MergesOnlyWhatMakesUpOnePage) {
  map(0, 0x9000'1000, k2M, LargePages::kForbidden);  // not aligned
  map(2 * k2M, 4 * k2M, k2M - kPageSize, LargePages::kForbidden);
  map(3 * k2M, 4 * k2M, k2M, LargePages::kForbidden);
  ASSERT_TRUE(
      table.cursor_mut(VirtualAddress(3 * k2M), kPageSize)->protect(kPageSize, flush, [&](auto...) {
        return user(Permissions::read_only());
      }));
  settle();
  const auto unchanged = bytes();
  auto cursor = table.cursor_mut(page(0), k1G);
  const auto refused = [&](std::uint64_t at, mem::PageSize size = mem::PageSize::k2MiB) {
    EXPECT_TRUE(cursor->jump(VirtualAddress(at)));
    return cursor->merge(size, flush).error();
  };
  EXPECT_EQ(refused(0), MapError::kNotUniform);
  EXPECT_EQ(refused(k2M), MapError::kNotMapped);
  EXPECT_EQ(refused(2 * k2M), MapError::kNotUniform);
  EXPECT_EQ(refused(3 * k2M), MapError::kNotUniform);
  EXPECT_EQ(refused(3 * k2M + kPageSize), MapError::kUnaligned);
  EXPECT_EQ(refused(0, static_cast<mem::PageSize>(13)), MapError::kNoSuchPageSize);
  EXPECT_EQ(refused(0, static_cast<mem::PageSize>(57)), MapError::kNoSuchPageSize);
  EXPECT_EQ(refused(k1G - kPageSize), MapError::kOutsideCursor);
  EXPECT_EQ(bytes(), unchanged);
}

TEST_P(CursorTest, SharesPagesWithAnotherSpace) {
  const PhysicalAddress other_root = *Memory{&pool}.allocate();
  LockLog other_log;
  Table other(format, other_root, Memory{&pool}, Reclaim::kEmptyTables, Watch{&other_log});
  machine.set_root(0, GetParam(), root);
  map(k2M - kPageSize, 2 * k1G - kPageSize, k2M + 2 * kPageSize);  // a large page between two small
  EXPECT_TRUE(reach(k2M, mem::Access::kWrite));
  const std::uint64_t size = 3 * k2M;
  Flush other_flush;
  std::uint64_t shared = 0;
  {
    auto source = table.cursor_mut(page(0), size);
    auto to = other.cursor_mut(VirtualAddress(k1G), size);
    ASSERT_TRUE(
        to->copy_from(*source, size, other_flush, flush,
                      [&](VirtualAddress, const Leaf&, std::uint64_t part) { shared += part; }));
    EXPECT_TRUE(source->is_at_end());
    EXPECT_TRUE(to->is_at_end());
  }
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle();
  EXPECT_EQ(shared, k2M + 2 * kPageSize);
  EXPECT_FALSE(reach(k2M, mem::Access::kWrite));
  EXPECT_TRUE(reach(k2M));
  EXPECT_EQ(other.query(VirtualAddress(k1G + k2M))->page.size(), k2M);
  EXPECT_EQ(other.query(VirtualAddress(k1G + k2M))->leaf.properties,
            user(Permissions::read_only()));
  EXPECT_EQ(other.query(VirtualAddress(k1G + 2 * k2M))->leaf.address,
            PhysicalAddress(2 * k1G + k2M));
  EXPECT_FALSE(other.query(VirtualAddress(k1G + 2 * k2M + kPageSize)));
  {
    // What is there already is not mapped over, and then nothing changes on either side.
    const auto unchanged = bytes();
    auto source = table.cursor_mut(page(0), size);
    auto to = other.cursor_mut(VirtualAddress(k1G), size);
    EXPECT_EQ(to->copy_from(*source, size, other_flush, flush, kNothing).error(),
              MapError::kAlreadyMapped);
    EXPECT_EQ(to->copy_from(*source, size + kPageSize, other_flush, flush, kNothing).error(),
              MapError::kOutsideCursor);
    EXPECT_EQ(bytes(), unchanged);
  }
  const VirtualRange half = format.user_half();
  ASSERT_TRUE(other.cursor_mut(half, half)->unmap(half.size(), other_flush, kNothing));
  other_flush.waive();
  Memory memory{&pool};
  other_flush.release_tables(memory);
  memory.release(other_root);
}

TEST_P(CursorTest, RefusesBadRangesAndNamesTheRule) {
  map(0x5000, 0x9000'0000, kPageSize);
  const auto unchanged = bytes();
  const auto refused = [&](std::uint64_t at, std::uint64_t size) {
    const auto error = table.cursor(VirtualAddress(at), size).error();
    EXPECT_EQ(table.cursor_mut(VirtualAddress(at), size).error(), error);
    return error;
  };
  const std::uint64_t half = format.user_half().size();
  const std::uint64_t top = 0 - kPageSize;
  EXPECT_EQ(refused(1, kPageSize), MapError::kUnaligned);
  EXPECT_EQ(refused(0, 1), MapError::kUnaligned);
  EXPECT_EQ(refused(0, 0), MapError::kEmpty);
  EXPECT_EQ(refused(half, kPageSize), MapError::kNotCanonical);
  EXPECT_EQ(refused(half - kPageSize, 2 * kPageSize), MapError::kNotCanonical);
  EXPECT_EQ(refused(0 - half - kPageSize, 2 * kPageSize), MapError::kNotCanonical);
  EXPECT_EQ(refused(top, 2 * kPageSize), MapError::kOverflow);
  EXPECT_EQ(refused(kPageSize, top), MapError::kNotCanonical);
  EXPECT_EQ(refused(2 * kPageSize, top), MapError::kOverflow);
  EXPECT_TRUE(table.cursor(VirtualAddress(top), kPageSize));
  const VirtualRange range(page(5), kPageSize);
  EXPECT_EQ(table.cursor_mut(range, VirtualRange(page(6), kPageSize)).error(),
            MapError::kOutsideCursor);
  EXPECT_EQ(bytes(), unchanged);
}

TEST_P(CursorTest, RefusesBadRequestsAndChangesNothing) {
  map(0x5000, 0x9000'0000, kPageSize);
  map(k2M, 2 * k2M, k2M);
  const auto unchanged = bytes();
  const Properties properties = user(Permissions::read_only());
  const auto keep = [](VirtualAddress, const Leaf& leaf) { return leaf.properties; };
  auto cursor = table.cursor_mut(page(0), 2 * k2M);
  const auto at = [&](std::uint64_t address) -> auto& {
    EXPECT_TRUE(cursor->jump(VirtualAddress(address)));
    return *cursor;
  };
  const std::vector<std::pair<std::uint64_t, MapError>> sizes{
      {1, MapError::kUnaligned},
      {0, MapError::kEmpty},
      {2 * k2M, MapError::kOutsideCursor},
      {0 - kPageSize, MapError::kOutsideCursor},
  };
  for (const auto& [size, error] : sizes) {
    EXPECT_EQ(at(0x5000).find_next(size).error(), error);
    EXPECT_EQ(at(0x5000).map(PhysicalAddress(0), size, properties, flush).error(), error);
    EXPECT_EQ(at(0x5000).unmap(size, flush, kNothing).error(), error);
    EXPECT_EQ(at(0x5000).protect(size, flush, keep).error(), error);
    EXPECT_EQ(at(0x5000).protect_next(size, flush, keep).error(), error);
    EXPECT_EQ(at(0x5000).copy_from(*cursor, size, flush, flush, kNothing).error(), error);
  }
  const PhysicalAddress limit = format.physical_limit();
  EXPECT_EQ(at(0).map(PhysicalAddress(7), kPageSize, properties, flush).error(),
            MapError::kUnaligned);
  EXPECT_EQ(at(0).map(limit, kPageSize, properties, flush).error(), MapError::kPhysicalRange);
  EXPECT_EQ(at(0).map(limit - kPageSize, 2 * kPageSize, properties, flush).error(),
            MapError::kPhysicalRange);
  EXPECT_EQ(at(0).map(PhysicalAddress(0 - kPageSize), 2 * kPageSize, properties, flush).error(),
            MapError::kPhysicalRange);
  EXPECT_EQ(at(0).map(PhysicalAddress(0), k2M, properties, flush).error(),
            MapError::kAlreadyMapped);
  EXPECT_EQ(at(k2M).map(PhysicalAddress(0), kPageSize, properties, flush).error(),
            MapError::kAlreadyMapped);
  const std::array<PhysicalAddress, 2> frames{PhysicalAddress(0x9000'0000), limit};
  EXPECT_EQ(at(0).map_frames(frames, properties, flush).error(), MapError::kPhysicalRange);
  EXPECT_EQ(at(2 * k2M - kPageSize).map_frames(frames, properties, flush).error(),
            MapError::kOutsideCursor);
  EXPECT_EQ(at(0).map_frames({}, properties, flush).error(), MapError::kEmpty);
  EXPECT_EQ(at(0).replace(PhysicalAddress(0), properties, flush).error(), MapError::kNotMapped);
  EXPECT_EQ(at(k2M).replace(PhysicalAddress(0), properties, flush).error(),
            MapError::kSplitsLargePage);
  EXPECT_EQ(at(0x5000).replace(PhysicalAddress(3), properties, flush).error(),
            MapError::kUnaligned);
  EXPECT_EQ(at(0x5000).replace(limit, properties, flush).error(), MapError::kPhysicalRange);
  EXPECT_EQ(at(0).split(mem::PageSize::k4KiB, flush).error(), MapError::kNotMapped);
  EXPECT_EQ(at(0).jump(VirtualAddress(3)).error(), MapError::kUnaligned);
  EXPECT_EQ(at(0).jump(VirtualAddress(2 * k2M)).error(), MapError::kOutsideCursor);
  EXPECT_EQ(cursor->position(), page(0));
  EXPECT_EQ(flush.reach(), FenceReach::kNone);
  EXPECT_EQ(bytes(), unchanged);
}

TEST_P(CursorTest, KeepsOutOfAKernelHalfOfOthers) {
  const PhysicalAddress other_root = *Memory{&pool}.allocate();
  LockLog other_log;
  Table other(format, other_root, Memory{&pool}, Reclaim::kEmptyTables, Watch{&other_log});
  const VirtualAddress at = format.kernel_half().start();
  map(at.value(), 0x9000'0000, kPageSize);
  other.share_kernel_half(root);
  EXPECT_EQ(other.query(at)->leaf.address, PhysicalAddress(0x9000'0000));
  EXPECT_EQ(other.cursor_mut(at, kPageSize).error(), MapError::kSharedHalf);
  EXPECT_EQ(other.cursor(at, kPageSize).error(), MapError::kSharedHalf);
  Memory{&pool}.release(other_root);
}

/// Runs an operation with 0, 1, 2, ... frames left until it succeeds: each refusal changes nothing.
TEST_P(CursorTest, SurvivesTheLossOfEveryAllocation) {
  map(0, k1G, k1G);
  const PhysicalAddress other_root = *Memory{&pool}.allocate();
  LockLog other_log;
  Table other(format, other_root, Memory{&pool}, Reclaim::kEmptyTables, Watch{&other_log});
  Flush other_flush;
  const Properties properties = user(Permissions::read_only());
  using Outcome = base::Result<void, MapError>;
  const std::vector<std::function<Outcome()>> operations{
      [&] {
        return table.cursor_mut(VirtualAddress(2 * k1G - kPageSize), 2 * kPageSize)
            ->map(PhysicalAddress(0), 2 * kPageSize, properties, flush);
      },
      [&] {
        return table.cursor_mut(VirtualAddress(kPageSize), k1G - 2 * kPageSize)
            ->protect(k1G - 2 * kPageSize, flush, [&](auto...) { return properties; });
      },
      [&]() -> Outcome {
        auto source = table.cursor_mut(page(3), k2M);
        auto to = other.cursor_mut(VirtualAddress(k1G - k2M + 3 * kPageSize), k2M);
        return to->copy_from(*source, k2M, other_flush, flush, kNothing);
      },
      [&] {
        auto cursor = table.cursor_mut(VirtualAddress(5 * k2M), k2M);
        return cursor->split(mem::PageSize::k4KiB, flush);
      },
      [&] {
        return table.cursor_mut(VirtualAddress(7 * k2M + kPageSize), k2M)
            ->unmap(k2M, flush, kNothing);
      },
  };
  std::size_t refusals = 0;
  for (const auto& operation : operations) {
    std::vector<PhysicalAddress> kept;
    std::swap(kept, pool.free);
    for (;;) {
      const std::size_t given = pool.free.size();
      const auto unchanged = bytes();
      const Outcome outcome = operation();
      if (outcome) break;
      ASSERT_EQ(outcome.error(), MapError::kOutOfMemory);
      EXPECT_EQ(pool.free.size(), given);
      std::sort(pool.free.begin(), pool.free.end());
      EXPECT_EQ(bytes(), unchanged);
      EXPECT_EQ(flush.reach(), FenceReach::kNone);
      ++refusals;
      ASSERT_FALSE(kept.empty());
      pool.free.push_back(kept.back());
      kept.pop_back();
    }
    EXPECT_TRUE(pool.free.empty());  // what it asked for, it needed
    pool.free.insert(pool.free.end(), kept.begin(), kept.end());
    settle();
  }
  EXPECT_GE(refusals, 10u);
  const VirtualRange half = format.user_half();
  ASSERT_TRUE(other.cursor_mut(half, half)->unmap(half.size(), other_flush, kNothing));
  other_flush.waive();
  Memory memory{&pool};
  other_flush.release_tables(memory);
  memory.release(other_root);
}

TEST_P(CursorTest, LocksNothingAboveItsSubtree) {
  for (const std::uint64_t at : {std::uint64_t{0}, k2M, k1G}) map(at, 0x9000'0000, kPageSize);
  const auto locks_of = [&](std::uint64_t at, std::uint64_t size) {
    log.ever.clear();
    auto cursor = table.cursor_mut(VirtualAddress(at), size);
    (void)cursor->query();
    return log.ever;
  };
  const auto first = locks_of(0, k2M);
  const auto second = locks_of(k2M, k2M);
  const auto third = locks_of(k1G, k1G);
  EXPECT_EQ(first.size(), 1u);
  EXPECT_EQ(second.size(), 1u);
  EXPECT_EQ(third.size(), 2u);
  for (const PhysicalAddress lock : second) EXPECT_FALSE(first.contains(lock));
  for (const PhysicalAddress lock : third) {
    EXPECT_FALSE(first.contains(lock) || second.contains(lock));
    EXPECT_NE(lock, root);
  }
  EXPECT_EQ(locks_of(0, k1G).size(), 3u);
  EXPECT_EQ(locks_of(kPageSize, kPageSize), first);
}

TEST_P(CursorTest, HoldsSeveralDisjointRangesAtOnce) {
  map(0, 0x9000'0000, kPageSize);
  map(k2M, 0x9000'0000, kPageSize);
  auto low = table.cursor_mut(page(0), k2M);
  auto high = table.cursor_mut(VirtualAddress(k2M), k2M);
  EXPECT_EQ(log.held.size(), 2u);
  auto moved = std::move(*low);
  EXPECT_TRUE(moved.query()->is_mapped());
  EXPECT_TRUE(high->query()->is_mapped());
}

INSTANTIATE_TEST_SUITE_P(Modes, CursorTest, all_modes(), mode_name);

}  // namespace
}  // namespace quoll::paging
