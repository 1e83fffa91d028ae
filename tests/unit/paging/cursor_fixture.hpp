// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A tree of page tables in an emulated machine, whose locks are watched and whose bytes can be
// compared.
#pragma once

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/paging/page_table.hpp>
#include <quoll/riscv/sv.hpp>

#include "table_pool.hpp"

namespace quoll::paging {

using arch::mock::Machine;
using mem::kPageSize;
using mem::Permissions;
using mem::PhysicalAddress;
using mem::VirtualAddress;
using mem::VirtualRange;

inline constexpr std::uint64_t k2M = std::uint64_t{2} << 20;
inline constexpr std::uint64_t k1G = std::uint64_t{1} << 30;

/// What happened to the locks of tables.
struct LockLog {
  std::map<PhysicalAddress, unsigned> held;  ///< and the level
  std::set<PhysicalAddress> ever;
  std::size_t retired = 0;
};

struct Watch {
  LockLog* log = nullptr;
  void locked(PhysicalAddress table, unsigned level) {
    EXPECT_TRUE(log->held.emplace(table, level).second);
    log->ever.insert(table);
  }
  void unlocked(PhysicalAddress table, unsigned level) {
    EXPECT_EQ(log->held.at(table), level);
    log->held.erase(table);
  }
  void retired(PhysicalAddress table, unsigned level) {
    EXPECT_EQ(log->held.at(table), level);
    log->held.erase(table);
    ++log->retired;
  }
};

class CursorTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  using Table = PageTable<riscv::Sv, Memory, Watch>;
  static constexpr std::size_t kFrames = 128;

  CursorTest()
      : machine({mem::PhysicalRange(PhysicalAddress(kRamStart), kFrames * kPageSize)}, 1),
        pool(machine, kFrames),
        format(GetParam()),
        root(*Memory{&pool}.allocate()),
        table(format, root, Memory{&pool}, Reclaim::kEmptyTables, Watch{&log}) {
    machine.set_root(0, GetParam(), root);
  }
  ~CursorTest() override {
    for (const VirtualRange half : {format.user_half(), format.kernel_half()}) {
      EXPECT_TRUE(table.cursor_mut(half, half)->unmap(half.size(), flush, [](auto...) {}));
    }
    settle();
    EXPECT_TRUE(log.held.empty());
    EXPECT_EQ(tables_in_use(), 0u);
  }

  void settle() {
    flush.apply([this](VirtualRange range, FenceReach) { machine.fence(0, range); });
    Memory memory{&pool};
    flush.release_tables(memory);
    EXPECT_EQ(machine.stale_translations(), 0u);
  }
  static VirtualAddress page(std::uint64_t number) { return VirtualAddress(number * kPageSize); }
  static Properties user(Permissions permissions) { return {permissions.for_user()}; }
  std::size_t tables_in_use() const { return kFrames - pool.free.size() - 1; }

  void map(std::uint64_t at, std::uint64_t to, std::uint64_t size,
           LargePages large = LargePages::kAllowed) {
    const VirtualRange range{VirtualAddress(at), size};
    ASSERT_TRUE(
        table.cursor_mut(range, range)
            ->map(PhysicalAddress(to), size, user(Permissions::read_write()), flush, large));
    settle();
  }
  std::optional<PhysicalAddress> reach(std::uint64_t at, mem::Access access = mem::Access::kRead) {
    return machine.translate(0, VirtualAddress(at), access);
  }
  /// All bytes of all tables, free ones included, and which are free.
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all(kFrames * kPageSize);
    std::memcpy(all.data(), Memory{&pool}.pointer(PhysicalAddress(kRamStart)), all.size());
    for (const PhysicalAddress frame : pool.free) {
      // A frame that was taken and given back may have other bytes.
      std::memset(all.data() + (frame.value() - kRamStart), 0, kPageSize);
    }
    return all;
  }

  Machine machine;
  Pool pool;
  riscv::Sv format;
  PhysicalAddress root;
  LockLog log;
  Table table;
  Flush flush;
};

inline auto all_modes() {
  return testing::Values(riscv::PagingMode::kSv39, riscv::PagingMode::kSv48,
                         riscv::PagingMode::kSv57);
}
inline std::string mode_name(const testing::TestParamInfo<riscv::PagingMode>& info) {
  return "Sv" + std::to_string(riscv::Sv(info.param).virtual_bits());
}

}  // namespace quoll::paging
