// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <utility>

#include <quoll/kernel/mem/vmo/archive_pages.hpp>

#include "one_space.hpp"
#include "vmo_support.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

const auto kRw = Permissions::read_write();
constexpr std::uint64_t kHuge = std::uint64_t{2} << 20;

class FaultAheadTest : public test::OneSpaceTest {
 protected:
  /// Pages of a range that are there.
  std::set<std::uint64_t> present(VirtualRange range) {
    std::set<std::uint64_t> pages;
    space->for_each_leaf([&](VirtualAddress at, const paging::Leaf&, std::uint64_t) {
      if (range.contains(at)) pages.insert((at - range.start()) / kPageSize);
    });
    return pages;
  }
  static std::set<std::uint64_t> first(std::uint64_t count) {
    std::set<std::uint64_t> pages;
    for (std::uint64_t page = 0; page < count; ++page) pages.insert(page);
    return pages;
  }
  bool fault(VirtualRange range, std::uint64_t page, Access access = Access::kWrite) {
    return space->handle_fault(range.start() + page * kPageSize, access) == FaultOutcome::kResolved;
  }
  /// Faults where pages are missing, from the first to before `end`; the result is how often.
  unsigned walk(VirtualRange range, std::uint64_t end, Access access = Access::kWrite) {
    unsigned faults = 0;
    for (std::uint64_t page = 0; page < end; ++page) {
      if (present(range).contains(page)) continue;
      EXPECT_TRUE(fault(range, page, access));
      ++faults;
    }
    return faults;
  }
  VirtualRange anonymous(std::uint64_t pages, Permissions permissions = kRw) {
    return *space->map_anonymous(Placement::lowest(kHuge), pages * kPageSize, permissions);
  }
  PagedVmoRef object(std::uint64_t pages, PageProviderRef provider = {}) {
    return *PagedVmo::create(kernel.frames, pages * kPageSize, kRw, std::move(provider));
  }
  VirtualRange share(const PagedVmoRef& what, Permissions permissions = kRw) {
    return *space->map_shared(Placement::lowest(kHuge), VmoRef(what), 0, what->size(), permissions);
  }
  VirtualRange copy(const PagedVmoRef& what) {
    return *space->map_private(Placement::lowest(kHuge), VmoRef(what), 0, what->size(), kRw);
  }
  std::uint64_t resident() { return space->usage().resident_pages; }
};

TEST_P(FaultAheadTest, ARunOfTouchesGetsAQuarterOfItAhead) {
  create();
  const VirtualRange range = anonymous(128);
  for (std::uint64_t page = 0; page < 3; ++page) {
    ASSERT_TRUE(fault(range, page));
    EXPECT_EQ(present(range), first(page + 1));
  }
  ASSERT_TRUE(fault(range, 3));
  EXPECT_EQ(present(range), first(5));
  EXPECT_EQ(resident(), 5u);
  EXPECT_LT(walk(range, 100), 30u);
  // Never more than a window ahead.
  EXPECT_LE(present(range).size(), 100u + 16);
  EXPECT_EQ(present(range), first(present(range).size()));
  EXPECT_EQ(resident(), present(range).size());
}

TEST_P(FaultAheadTest, TouchesThatAreNoRunGetThemselvesAlone) {
  create();
  const VirtualRange range = anonymous(64);
  std::set<std::uint64_t> touched;
  for (std::uint64_t i = 0; i < 64; ++i) {
    const std::uint64_t page = (63 - i) ^ 5;
    ASSERT_TRUE(fault(range, page));
    touched.insert(page);
    ASSERT_EQ(present(range), touched);
  }
}

TEST_P(FaultAheadTest, EndsWithTheRegionAndAtPagesThatAreThere) {
  create();
  const VirtualRange range = anonymous(64);
  ASSERT_TRUE(space->protect(VirtualRange(range.start() + 40 * kPageSize, 24 * kPageSize),
                             Permissions::read_only()));
  EXPECT_LT(walk(range, 40), 20u);
  EXPECT_EQ(present(range), first(40));
  // One that is there ends it, and a run goes on behind it.
  const VirtualRange other = anonymous(64);
  ASSERT_TRUE(fault(other, 30));
  EXPECT_LT(walk(other, 30), 20u);
  EXPECT_EQ(present(other), first(31));
}

TEST_P(FaultAheadTest, EndsWithThePageTable) {
  create();
  const VirtualRange range =
      *space->map_anonymous(Placement::lowest(kHuge), kHuge + 64 * kPageSize, kRw);
  EXPECT_LT(walk(range, 512), 120u);
  EXPECT_EQ(present(range), first(512));
  const std::uint64_t tables = space->usage().page_tables;
  ASSERT_TRUE(fault(range, 512));
  EXPECT_EQ(space->usage().page_tables, tables + 1);
}

TEST_P(FaultAheadTest, TakesNothingWhereFramesAreScarce) {
  create();
  const VirtualRange range = anonymous(64);
  const test::Scarcity scarcity(kernel.frames, test::TestKernel::kFrames / 16);
  EXPECT_EQ(walk(range, 50), 50u);
  EXPECT_EQ(present(range), first(50));
}

TEST_P(FaultAheadTest, PagesThatCostNothingComeAtOnce) {
  create();
  auto run = kernel.frames.allocate_run(40);
  ASSERT_TRUE(run);
  auto provider = ArchivePages::create(run->range());
  ASSERT_TRUE(provider);
  {
    const PagedVmoRef lent = object(48, std::move(*provider));
    const test::Scarcity scarcity(kernel.frames, test::TestKernel::kFrames / 20);
    for (const VirtualRange range : {share(lent), copy(lent)}) {
      ASSERT_TRUE(fault(range, 0, Access::kRead));
      EXPECT_EQ(present(range), first(1));
      ASSERT_TRUE(fault(range, 1, Access::kRead));
      EXPECT_EQ(present(range), first(18));
      ASSERT_TRUE(fault(range, 18, Access::kRead));
      EXPECT_EQ(present(range), first(35));
      ASSERT_TRUE(fault(range, 35, Access::kRead));
      EXPECT_EQ(present(range), first(40));  // what is behind would cost frames
    }
    EXPECT_EQ(resident(), 0u);
    // Code that cannot have changed needs no fence of instructions.
    const auto before = kernel.machine.fences();
    const PagedVmoRef code =
        *PagedVmo::create(kernel.frames, 16 * kPageSize, Permissions::read_execute(),
                          *ArchivePages::create(run->range()));
    const VirtualRange range = share(code, Permissions::read_execute());
    EXPECT_EQ(walk(range, 16, Access::kExecute), 2u);
    EXPECT_EQ(kernel.machine.fences().code, before.code);
    space.reset();
  }
}

TEST_P(FaultAheadTest, SharedPagesAreWrittenAheadOnlyInPlace) {
  create();
  const PagedVmoRef shared = object(64);
  ASSERT_TRUE(shared->commit(0, 32 * kPageSize));
  const VirtualRange range = share(shared);
  EXPECT_EQ(walk(range, 18), 2u);
  EXPECT_EQ(present(range), first(18));
  const PagedVmoRef later = *shared->clone(kRw);
  // A copy shares the pages: reading goes ahead, writing takes page by page.
  const VirtualRange mine = share(later);
  for (std::uint64_t page = 0; page < 8; ++page) {
    ASSERT_TRUE(fault(mine, page));
    EXPECT_EQ(present(mine), first(page + 1));
  }
  EXPECT_EQ(later->usage().store.alone_pages, 8u);
  ASSERT_TRUE(fault(mine, 8, Access::kRead));
  EXPECT_EQ(present(mine), first(25));
  // Pages that nobody has are made, a quarter of the run.
  const PagedVmoRef empty = object(64);
  const VirtualRange made = share(empty);
  EXPECT_LT(walk(made, 40), 25u);
  EXPECT_EQ(empty->usage().store.pages, present(made).size());
  EXPECT_LE(present(made).size(), 50u);
  EXPECT_EQ(resident(), 0u);
}

TEST_P(FaultAheadTest, AsksNobodyForPagesAndStopsAtTheObjectsEnd) {
  create();
  const auto told = intrusive::RefPtr<test::ToldPages>::adopt(new test::ToldPages);
  const PagedVmoRef late = object(32, PageProviderRef(told));
  const VirtualRange range = share(late);
  for (std::uint64_t page = 0; page < 4; ++page) {
    EXPECT_EQ(space->handle_fault(range.start() + page * kPageSize, Access::kRead),
              FaultOutcome::kMustWait);
    ASSERT_TRUE(late->supply(page * kPageSize, *kernel.frames.allocate_zeroed()));
    ASSERT_TRUE(fault(range, page, Access::kRead));
  }
  EXPECT_EQ(present(range), first(4));
  EXPECT_EQ(told->fetched.size(), 4u);
  EXPECT_EQ(late->usage().requests, 0u);

  const PagedVmoRef shrinking = object(32);
  const VirtualRange mapped = share(shrinking);
  ASSERT_TRUE(shrinking->resize(8 * kPageSize));
  EXPECT_LT(walk(mapped, 8), 8u);
  EXPECT_EQ(present(mapped), first(8));
  EXPECT_EQ(space->handle_fault(mapped.start() + 8 * kPageSize, Access::kRead),
            FaultOutcome::kOutsideVmo);
}

TEST_P(FaultAheadTest, CodePagesOfOnesOwnAreNotFilledAheadAndAlwaysFenced) {
  create();
  const VirtualRange range = anonymous(16);
  ASSERT_TRUE(space->protect(range, Permissions::read_execute()));
  const auto before = kernel.machine.fences();
  EXPECT_EQ(walk(range, 10, Access::kExecute), 10u);
  EXPECT_EQ(kernel.machine.fences().code, before.code + 10);
  EXPECT_EQ(resident(), 10u);
}

TEST_P(FaultAheadTest, PopulatingFillsTheRangeAndNoMore) {
  create();
  const VirtualRange range = anonymous(100);
  const VirtualRange part(range.start() + 10 * kPageSize, 70 * kPageSize);
  EXPECT_EQ(space->populate(part, Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(present(part), first(70));
  EXPECT_EQ(resident(), 70u);
  EXPECT_EQ(space->populate(range, Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(resident(), 100u);
  EXPECT_EQ(space->populate(VirtualRange(range.start(), range.size() + kPageSize), Access::kWrite),
            FaultOutcome::kNotMapped);
}

INSTANTIATE_TEST_SUITE_P(Modes, FaultAheadTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
