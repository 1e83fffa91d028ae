// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables in all three modes against a map of pages, with the emulated machine's walker as
// the judge of what the entries mean.
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/paging/page_table.hpp>
#include <quoll/riscv/sv.hpp>

#include "table_pool.hpp"

namespace quoll::paging {
namespace {

using arch::mock::Machine;
using mem::kPageSize;
using mem::Permissions;
using mem::PhysicalAddress;
using mem::VirtualAddress;
using mem::VirtualRange;

using Table = PageTable<riscv::Sv, Memory>;

class PageTableTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  static constexpr std::size_t kFrames = 256;

  PageTableTest()
      : machine({mem::PhysicalRange(PhysicalAddress(kRamStart), kFrames * kPageSize)}, 1),
        pool(machine, kFrames),
        format(GetParam()),
        root(*Memory{&pool}.allocate()),
        table(format, root, Memory{&pool}, Reclaim::kEmptyTables) {
    machine.set_root(0, GetParam(), root);
  }
  ~PageTableTest() override { EXPECT_TRUE(true); }

  void settle(Flush& flush) {
    flush.apply([this](VirtualRange range, FenceReach) { machine.fence(0, range); });
    Memory memory{&pool};
    flush.release_tables(memory);
  }
  static VirtualRange pages(std::uint64_t first, std::uint64_t count) {
    return VirtualRange(VirtualAddress(first * kPageSize), count * kPageSize);
  }
  auto map(VirtualRange range, std::uint64_t to, Permissions permissions,
           LargePages large = LargePages::kForbidden) {
    Flush flush;
    auto result = table.map(range, PhysicalAddress(to), {permissions.for_user()}, flush, large);
    settle(flush);
    return result;
  }
  auto unmap(VirtualRange range) {
    Flush flush;
    auto result = table.unmap(range, flush, [](auto...) {});
    settle(flush);
    return result;
  }
  std::size_t tables_in_use() const { return kFrames - pool.free.size() - 1; }

  Machine machine;
  Pool pool;
  riscv::Sv format;
  PhysicalAddress root;
  Table table;
};

TEST_P(PageTableTest, TranslatesWhatItMapped) {
  ASSERT_TRUE(map(pages(16, 3), 0x9000'0000, Permissions::read_write()));
  EXPECT_EQ(machine.translate(0, VirtualAddress(17 * kPageSize + 5), mem::Access::kWrite),
            PhysicalAddress(0x9000'1005));
  EXPECT_FALSE(machine.translate(0, VirtualAddress(17 * kPageSize), mem::Access::kExecute));
  EXPECT_FALSE(machine.translate(0, VirtualAddress(19 * kPageSize), mem::Access::kRead));
  EXPECT_EQ(tables_in_use(), format.levels() - 1);
  ASSERT_TRUE(unmap(pages(16, 3)));
  EXPECT_EQ(tables_in_use(), 0u);
  EXPECT_FALSE(machine.translate(0, VirtualAddress(17 * kPageSize), mem::Access::kRead));
}

TEST_P(PageTableTest, RefusesBadRequestsAndChangesNothing) {
  ASSERT_TRUE(map(pages(16, 2), 0x9000'0000, Permissions::read_only()));
  const auto refused = [&](VirtualRange range, std::uint64_t to) {
    return map(range, to, Permissions::read_only()).error();
  };
  const VirtualRange user = format.user_half();
  EXPECT_EQ(refused(VirtualRange(VirtualAddress(1), 4096), 0), MapError::kUnaligned);
  EXPECT_EQ(refused(VirtualRange(VirtualAddress(4096), 1), 0), MapError::kUnaligned);
  EXPECT_EQ(refused(pages(40, 1), 7), MapError::kUnaligned);
  EXPECT_EQ(refused(pages(40, 0), 0), MapError::kEmpty);
  EXPECT_EQ(refused(VirtualRange(user.end(), 4096), 0), MapError::kNotCanonical);
  EXPECT_EQ(refused(VirtualRange(user.end() - 4096, 8192), 0), MapError::kNotCanonical);
  EXPECT_EQ(refused(pages(40, 2), (std::uint64_t{1} << 56) - 4096), MapError::kPhysicalRange);
  EXPECT_EQ(refused(pages(15, 2), 0x9100'0000), MapError::kAlreadyMapped);
  EXPECT_EQ(refused(pages(17, 2), 0x9100'0000), MapError::kAlreadyMapped);
  EXPECT_FALSE(table.query(VirtualAddress(15 * kPageSize)));
  EXPECT_FALSE(table.query(VirtualAddress(18 * kPageSize)));
  EXPECT_FALSE(table.query(user.end()));
  EXPECT_TRUE(unmap(pages(16, 2)));
}

TEST_P(PageTableTest, TakesAllTablesOrNone) {
  const VirtualRange wide(VirtualAddress((std::uint64_t{1} << 30) - kPageSize), 2 * kPageSize);
  const std::uint64_t needed = 2 * 2 + (format.levels() - 3);
  std::vector<PhysicalAddress> kept;
  std::swap(kept, pool.free);
  for (std::uint64_t given = 0; given <= needed; ++given) {
    const auto result = map(wide, 0x9000'0000, Permissions::read_only());
    EXPECT_EQ(result.has_value(), given == needed) << given;
    if (!result) {
      EXPECT_EQ(result.error(), MapError::kOutOfMemory);
      EXPECT_EQ(pool.free.size(), given);
      EXPECT_FALSE(table.query(wide.start()));
      Flush flush;
      const bool one = given >= format.levels() - 1;
      EXPECT_EQ(table
                    .map_page(wide.start(), PhysicalAddress(0x9000'0000),
                              {Permissions::read_only()}, flush)
                    .has_value(),
                one);
      settle(flush);
      if (one) EXPECT_TRUE(unmap(VirtualRange(wide.start(), kPageSize)));
      EXPECT_EQ(pool.free.size(), given);
      pool.free.push_back(kept.back());
      kept.pop_back();
    }
  }
  EXPECT_TRUE(unmap(wide));
  EXPECT_EQ(pool.free.size(), needed);
}

TEST_P(PageTableTest, UsesLargePagesWhereTheyFit) {
  constexpr std::uint64_t k2M = std::uint64_t{2} << 20;
  const VirtualRange range(VirtualAddress(k2M - kPageSize), 2 * k2M + 2 * kPageSize);
  ASSERT_TRUE(
      map(range, 0x1'0000'0000 - kPageSize, Permissions::read_write(), LargePages::kAllowed));
  EXPECT_EQ(table.query(VirtualAddress(k2M + 5))->page, VirtualRange(VirtualAddress(k2M), k2M));
  EXPECT_EQ(table.query(range.start())->page.size(), kPageSize);
  for (const std::uint64_t at : {range.start().value(), k2M, 2 * k2M + 77, 3 * k2M}) {
    EXPECT_EQ(machine.translate(0, VirtualAddress(at), mem::Access::kRead),
              PhysicalAddress(0x1'0000'0000 + at - k2M));
  }
  ASSERT_TRUE(unmap(range));
  EXPECT_EQ(tables_in_use(), 0u);
}

TEST_P(PageTableTest, KeepsTheFrameOfAPageWithoutPermissions) {
  ASSERT_TRUE(map(pages(16, 1), 0x9000'0000, Permissions::read_write()));
  EXPECT_TRUE(machine.translate(0, VirtualAddress(16 * kPageSize), mem::Access::kRead));
  Flush flush;
  ASSERT_TRUE(table.protect(pages(16, 1), flush,
                            [](auto, const Leaf&) { return Permissions::none().for_user(); }));
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle(flush);
  EXPECT_FALSE(machine.translate(0, VirtualAddress(16 * kPageSize), mem::Access::kRead));
  EXPECT_EQ(table.query(VirtualAddress(16 * kPageSize))->leaf.address,
            PhysicalAddress(0x9000'0000));
  EXPECT_EQ(map(pages(16, 1), 0x9000'0000, Permissions::read_write()).error(),
            MapError::kAlreadyMapped);
  EXPECT_TRUE(unmap(pages(16, 1)));
}

TEST_P(PageTableTest, FollowsAMapThroughRandomChanges) {
  struct Page {
    PhysicalAddress to;
    Permissions permissions;
  };
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::uint64_t, Page> model;
  // Around the borders of tables at several levels, and at both ends of the halves.
  const std::vector<std::uint64_t> bases{
      0,
      500,
      512 * 512 - 6,
      (format.user_half().end().value() >> 12) - 24,
      (std::uint64_t{0} - (std::uint64_t{24} << 12)) >> 12,
  };
  const std::vector<Permissions> kinds{Permissions::read_only(), Permissions::read_write(),
                                       Permissions::read_execute(), Permissions::none()};
  for (int step = 0; step < 4000; ++step) {
    const std::uint64_t first = bases[random() % bases.size()] + random() % 16;
    const std::uint64_t count = 1 + random() % 8;
    const VirtualRange range = pages(first, count);
    const Permissions permissions = kinds[random() % kinds.size()].for_user();
    const PhysicalAddress to((random() % (std::uint64_t{1} << 40)) << 12);
    bool vacant = true;
    for (std::uint64_t p = first; p < first + count; ++p) vacant &= !model.contains(p);
    Flush flush;
    switch (random() % 4) {
      case 0:
      case 1:
        EXPECT_EQ(table.map(range, to, {permissions}, flush).has_value(), vacant);
        if (vacant) {
          for (std::uint64_t i = 0; i < count; ++i) {
            model[first + i] = {to + i * kPageSize, permissions};
          }
        }
        break;
      case 2: {
        std::uint64_t removed = 0;
        EXPECT_TRUE(table.unmap(range, flush, [&](VirtualAddress at, const Leaf& leaf, auto) {
          EXPECT_EQ(model.at(at.value() >> 12).to, leaf.address);
          ++removed;
        }));
        std::uint64_t expected = 0;
        for (std::uint64_t p = first; p < first + count; ++p) expected += model.erase(p);
        EXPECT_EQ(removed, expected);
        break;
      }
      default:
        EXPECT_TRUE(table.protect(range, flush, [&](auto, const Leaf&) { return permissions; }));
        for (std::uint64_t p = first; p < first + count; ++p) {
          if (model.contains(p)) model[p].permissions = permissions;
        }
    }
    settle(flush);
    EXPECT_EQ(machine.stale_translations(), 0u);
    for (std::uint64_t p = first > 2 ? first - 2 : 0; p < first + count + 2; ++p) {
      if ((p >> 52) != 0) continue;  // behind the end of all addresses
      const VirtualAddress at(p << 12);
      if (!format.user_half().contains(at) && !format.kernel_half().contains(at)) continue;
      const auto found = table.query(at);
      const auto expected = model.find(p);
      ASSERT_EQ(found.has_value(), expected != model.end());
      for (const mem::Access access :
           {mem::Access::kRead, mem::Access::kWrite, mem::Access::kExecute}) {
        const auto reached = machine.translate(0, at, access);
        const bool allowed = expected != model.end() && expected->second.permissions.allows(access);
        ASSERT_EQ(reached.has_value(), allowed);
        if (allowed) ASSERT_EQ(*reached, expected->second.to);
      }
    }
    if (testing::Test::HasFailure()) return;
  }
  std::size_t leaves = 0;
  for (const VirtualRange half : {format.user_half(), format.kernel_half()}) {
    table.for_each_leaf(half, [&](VirtualAddress at, const Leaf&, std::uint64_t) {
      EXPECT_TRUE(model.contains(at.value() >> 12));
      ++leaves;
    });
    EXPECT_TRUE(unmap(half));
  }
  EXPECT_EQ(leaves, model.size());
  EXPECT_EQ(tables_in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Modes, PageTableTest,
                         testing::Values(riscv::PagingMode::kSv39, riscv::PagingMode::kSv48,
                                         riscv::PagingMode::kSv57),
                         [](const auto& info) {
                           return "Sv" + std::to_string(riscv::Sv(info.param).virtual_bits());
                         });

TEST(FlushDeathTest, MustBeApplied) {
  EXPECT_DEATH(
      {
        Flush flush;
        flush.include(VirtualRange(VirtualAddress(0), 4096), FenceReach::kLocal);
      },
      "reach_");
}

TEST(Flush, CoversAllThatItWasTold) {
  Flush flush;
  flush.include(VirtualRange(VirtualAddress(0x5000), 0x1000), FenceReach::kLocal);
  flush.include(VirtualRange(VirtualAddress(0x2000), 0x1000), FenceReach::kAll);
  flush.include(VirtualRange(VirtualAddress(0x3000), 0x1000), FenceReach::kLocal);
  EXPECT_EQ(flush.range(), VirtualRange(VirtualAddress(0x2000), 0x4000));
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  flush.waive();
}

}  // namespace
}  // namespace quoll::paging
