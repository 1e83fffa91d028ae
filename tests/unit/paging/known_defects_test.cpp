// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Faults that page tables of other systems had, each as a test that fails when it is put back.
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include "cursor_fixture.hpp"

namespace quoll::paging {
namespace {

class KnownDefects : public CursorTest {};

constexpr auto kNothing = [](auto...) {};
constexpr std::uint64_t kTop = 0 - kPageSize;

TEST_P(KnownDefects, CursorJumpOverflow) {
  auto cursor = table.cursor_mut(VirtualAddress(kTop), kPageSize);
  EXPECT_EQ(cursor->jump(page(0)).error(), MapError::kOutsideCursor);
  EXPECT_EQ(cursor->jump(VirtualAddress(kTop - kPageSize)).error(), MapError::kOutsideCursor);
  EXPECT_TRUE(cursor->jump(VirtualAddress(kTop)));
  EXPECT_TRUE(cursor->next());
  EXPECT_TRUE(cursor->is_at_end());
  EXPECT_EQ(cursor->jump(page(0)).error(), MapError::kOutsideCursor);
}

TEST_P(KnownDefects, FindNextOverflow) {
  auto cursor = table.cursor_mut(VirtualAddress(kTop - kPageSize), 2 * kPageSize);
  EXPECT_EQ(cursor->find_next(kTop).error(), MapError::kOutsideCursor);
  EXPECT_EQ(cursor->find_next(3 * kPageSize).error(), MapError::kOutsideCursor);
  EXPECT_FALSE(*cursor->find_next(2 * kPageSize));
  EXPECT_TRUE(cursor->is_at_end());
}

TEST_P(KnownDefects, MapOverflow) {
  auto cursor = table.cursor_mut(page(1), 4 * kPageSize);
  const Properties properties = user(Permissions::read_only());
  EXPECT_EQ(cursor->map(PhysicalAddress(kTop), 2 * kPageSize, properties, flush).error(),
            MapError::kPhysicalRange);
  EXPECT_EQ(cursor->map(PhysicalAddress(0), kTop, properties, flush).error(),
            MapError::kOutsideCursor);
  EXPECT_FALSE(cursor->query()->is_mapped());
}

TEST_P(KnownDefects, RangeValidityOverflow) {
  EXPECT_EQ(table.cursor(VirtualAddress(kTop), 2 * kPageSize).error(), MapError::kOverflow);
  EXPECT_EQ(table.cursor(page(2), kTop).error(), MapError::kOverflow);
}

TEST_P(KnownDefects, RemovedPagesHaveTheirAddress) {
  map(k2M - kPageSize, 0x9000'0000, 2 * kPageSize);
  std::vector<std::uint64_t> removed;
  ASSERT_TRUE(table.cursor_mut(page(0), 2 * k2M)
                  ->unmap(2 * k2M, flush, [&](VirtualAddress at, const Leaf&, std::uint64_t) {
                    removed.push_back(at.value());
                  }));
  settle();
  EXPECT_EQ(removed, (std::vector<std::uint64_t>{k2M - kPageSize, k2M}));
}

TEST_P(KnownDefects, StaleMarksReachEveryLevel) {
  map(k1G, k1G, k1G);
  const VirtualRange range(VirtualAddress(k1G), k1G);
  {
    auto cursor = table.cursor_mut(range, range);
    ASSERT_TRUE(cursor->split(mem::PageSize::k4KiB, flush));
    settle();
    const std::size_t before = log.retired;
    ASSERT_TRUE(cursor->merge(mem::PageSize::k1GiB, flush));
    EXPECT_EQ(log.retired, before + 2);
  }
  std::size_t stale = 0;
  for (const Pool::Record& record : pool.records) {
    Pool::Record copy = record;
    const TableRecord handle(copy.state, copy.next);
    if (!record.in_use || !handle.is_stale()) continue;
    EXPECT_FALSE(handle.try_lock());
    ++stale;
  }
  EXPECT_EQ(stale, 2u);
  settle();
}

TEST_P(KnownDefects, TablesStayUntilTheFence) {
  map(0x5000, 0x9000'0000, kPageSize);
  const std::size_t before = tables_in_use();
  const VirtualRange half = format.user_half();
  ASSERT_TRUE(table.cursor_mut(half, half)->unmap(half.size(), flush, kNothing));
  EXPECT_EQ(tables_in_use(), before);
  EXPECT_TRUE(flush.holds_tables());
  EXPECT_EQ(flush.reach(), FenceReach::kAll);
  settle();
  EXPECT_EQ(tables_in_use(), 0u);
}

TEST_P(KnownDefects, JumpFromBehindTheGuard) {
  map(0, 0x9000'0000, k2M, LargePages::kForbidden);
  auto cursor = table.cursor_mut(page(0), k2M);
  ASSERT_TRUE(cursor->unmap(k2M, flush, kNothing));
  EXPECT_EQ(cursor->position(), VirtualAddress(k2M));  // no table of the cursor has it
  EXPECT_EQ(cursor->query().error(), MapError::kOutsideCursor);
  ASSERT_TRUE(cursor->jump(page(3)));
  EXPECT_FALSE(cursor->query()->is_mapped());
  EXPECT_EQ(cursor->jump(VirtualAddress(k2M)).error(), MapError::kOutsideCursor);
  settle();
}

TEST_P(KnownDefects, ChangesGoOnBehindGaps) {
  map(0, 0x9000'0000, kPageSize);
  map(0x5000, 0x9000'1000, kPageSize);
  map(k1G + 0x7000, 0x9000'2000, kPageSize);
  auto cursor = table.cursor_mut(page(0), 2 * k1G);
  unsigned changed = 0;
  ASSERT_TRUE(cursor->protect(2 * k1G, flush, [&](VirtualAddress, const Leaf&) {
    ++changed;
    return user(Permissions::read_only());
  }));
  EXPECT_EQ(changed, 3u);
  ASSERT_TRUE(cursor->jump(page(0)));
  unsigned removed = 0;
  ASSERT_TRUE(cursor->unmap(2 * k1G, flush, [&](auto...) { ++removed; }));
  EXPECT_EQ(removed, 3u);
  settle();
}

/// Memory that lets something happen when a walk has found its guard and has not locked it yet.
struct HookedMemory : Memory {
  struct Hook {
    PhysicalAddress table;
    std::function<void()> run;
  };
  Hook* hook;
  TableRecord record(PhysicalAddress table) {
    if (hook->run && hook->table == table) std::exchange(hook->run, nullptr)();
    return Memory::record(table);
  }
};

TEST_P(KnownDefects, EntryIsReadAgainUnderTheLock) {
  map(k2M, 0x9000'0000, kPageSize);
  HookedMemory::Hook hook;
  // The same tree through memory with a hook; only one of the two is used at a time.
  PageTable<riscv::Sv, HookedMemory> hooked(format, root, HookedMemory{{&pool}, &hook},
                                            Reclaim::kEmptyTables);
  {
    auto guard = table.cursor(page(0), 2 * k2M);
    for (const auto& [held, level] : log.held) {
      if (level == 1) hook.table = held;
    }
  }
  hook.run = [&] {
    const arch::mock::AsHart other(1);
    ASSERT_TRUE(
        table.cursor_mut(page(7), kPageSize)
            ->map(PhysicalAddress(0x9100'0000), kPageSize, user(Permissions::read_only()), flush));
  };
  {
    auto cursor = hooked.cursor_mut(page(7), kPageSize);
    EXPECT_EQ(cursor->query()->leaf->address, PhysicalAddress(0x9100'0000));
    // The guard is the table that was linked meanwhile: the one above is free.
    auto above = table.cursor(VirtualAddress(k2M), kPageSize);
    EXPECT_TRUE(Memory{&pool}.record(hook.table).try_lock());
    Memory{&pool}.record(hook.table).unlock();
  }
  settle();
}

TEST_P(KnownDefects, EntryMaskKeepsNoHighBits) {
  const riscv::Sv typed(GetParam(), riscv::Svpbmt::kPresent);
  const PhysicalAddress last = typed.physical_limit() - kPageSize;
  const Properties device{Permissions::read_write(), CacheMode::kDevice, Scope::kGlobal};
  const auto entry = typed.encode_leaf(last, device, 0);
  EXPECT_EQ(typed.decode_leaf(entry), (Leaf{last, device}));
}

INSTANTIATE_TEST_SUITE_P(Modes, KnownDefects, all_modes(), mode_name);

}  // namespace
}  // namespace quoll::paging
