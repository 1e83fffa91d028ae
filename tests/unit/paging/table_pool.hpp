// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frames for page tables in an emulated machine: they come from a list, which can run dry, and
// what is given back is filled with a pattern that is no entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/paging/table_memory.hpp>
#include <quoll/paging/table_record.hpp>
#include <quoll/paging/walk_sections.hpp>

namespace quoll::paging {

inline constexpr std::uint64_t kRamStart = 0x8000'0000;

struct Pool {
  struct Record {
    std::uint32_t state = 0;
    std::uint32_t next = 0;
    bool in_use = false;
  };

  arch::mock::Machine& machine;
  std::mutex mutex;
  std::vector<mem::PhysicalAddress> free;
  std::vector<Record> records;
  WalkSections<8> sections;

  Pool(arch::mock::Machine& m, std::size_t count) : machine(m), records(count) {
    for (std::size_t i = count; i > 0; --i) free.emplace_back(kRamStart + (i - 1) * mem::kPageSize);
  }
  Record& record(mem::PhysicalAddress table) {
    return records.at((table.value() - kRamStart) / mem::kPageSize);
  }
};

struct Memory {
  Pool* pool;

  std::optional<mem::PhysicalAddress> allocate() {
    const std::lock_guard guard(pool->mutex);
    if (pool->free.empty()) return std::nullopt;
    const mem::PhysicalAddress table = pool->free.back();
    pool->free.pop_back();
    std::memset(pointer(table), 0, mem::kPageSize);
    EXPECT_FALSE(pool->record(table).in_use);
    pool->record(table) = {.state = 0, .next = 0, .in_use = true};
    return table;
  }
  void release(mem::PhysicalAddress table) {
    const std::lock_guard guard(pool->mutex);
    EXPECT_TRUE(pool->record(table).in_use);
    EXPECT_EQ(pool->record(table).state & 0xffff, 0u);  // no entries
    pool->record(table).in_use = false;
    std::memset(pointer(table), 0xa5, mem::kPageSize);
    pool->free.push_back(table);
  }
  void* pointer(mem::PhysicalAddress table) const {
    return pool->machine.phys_map().pointer(table);
  }
  TableRecord record(mem::PhysicalAddress table) {
    Pool::Record& r = pool->record(table);
    return {r.state, r.next};
  }
  auto& sections() { return pool->sections; }
  unsigned hart() { return arch::mock::Machine::hart_id(); }
  unsigned hart_count() { return pool->machine.hart_count(); }
  void relax() { std::this_thread::yield(); }
};

}  // namespace quoll::paging
