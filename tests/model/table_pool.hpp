// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables for the model tests: pages of the emulated machine's memory, with records beside
// them, an allowance, and an eye on what is out.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/paging/table_memory.hpp>
#include <quoll/paging/table_record.hpp>
#include <quoll/paging/walk_sections.hpp>

#include "system.hpp"

namespace quoll::model {

class TablePool {
 public:
  static constexpr std::uint64_t kRam = 0x8000'0000;

  TablePool(arch::mock::Machine& machine, std::size_t pages) : machine_(machine), records_(pages) {
    for (std::size_t i = pages; i > 0; --i) free_.push_back(i - 1);
  }

  std::optional<mem::PhysicalAddress> allocate() {
    if (room_ == 0 || free_.empty()) return std::nullopt;
    if (room_ != kPlenty) --room_;
    const std::size_t i = free_.back();
    free_.pop_back();
    const mem::PhysicalAddress table(kRam + i * mem::kPageSize);
    std::memset(pointer(table), 0, mem::kPageSize);
    records_[i] = {0, 0, true};
    ++in_use_;
    return table;
  }
  void release(mem::PhysicalAddress table) {
    Record& record = record_of(table);
    if (!record.in_use) die("a page table is given back twice");
    record.in_use = false;
    --in_use_;
    // No entry: a walk that comes here faults in the walker.
    std::memset(pointer(table), 0xa5, mem::kPageSize);
    free_.push_back((table.value() - kRam) / mem::kPageSize);
  }
  void* pointer(mem::PhysicalAddress table) const { return machine_.phys_map().pointer(table); }
  paging::TableRecord record(mem::PhysicalAddress table) {
    Record& record = record_of(table);
    return {record.state, record.next};
  }
  bool is_in_use(std::uint64_t table) const {
    const std::uint64_t i = (table - kRam) / mem::kPageSize;
    return i < records_.size() && table % mem::kPageSize == 0 && records_[i].in_use;
  }

  void set_room(std::uint32_t room) { room_ = room; }
  std::uint32_t allowance() const { return room_; }
  /// How many more can be had.
  std::uint64_t room() const { return room_ < free_.size() ? room_ : free_.size(); }
  std::uint64_t in_use() const { return in_use_; }

  paging::WalkSections<4>& sections() { return sections_; }
  unsigned hart_count() const { return machine_.hart_count(); }

  [[noreturn]] static void die(const char* why) {
    std::fprintf(stderr, "%s\n", why);
    std::abort();
  }

 private:
  struct Record {
    std::uint32_t state = 0;
    std::uint32_t next = 0;
    bool in_use = false;
  };
  Record& record_of(mem::PhysicalAddress table) {
    const std::uint64_t i = (table.value() - kRam) / mem::kPageSize;
    if (i >= records_.size()) die("not a page table");
    return records_[i];
  }

  arch::mock::Machine& machine_;
  std::vector<Record> records_;
  std::vector<std::size_t> free_;
  std::uint32_t room_ = kPlenty;
  std::uint64_t in_use_ = 0;
  paging::WalkSections<4> sections_;
};

/// A handle of a pool, as page tables want it.
struct PoolMemory {
  TablePool* pool;
  std::optional<mem::PhysicalAddress> allocate() { return pool->allocate(); }
  void release(mem::PhysicalAddress table) { pool->release(table); }
  void* pointer(mem::PhysicalAddress table) const { return pool->pointer(table); }
  paging::TableRecord record(mem::PhysicalAddress table) { return pool->record(table); }
  paging::WalkSections<4>& sections() { return pool->sections(); }
  unsigned hart() { return arch::mock::Machine::hart_id(); }
  unsigned hart_count() { return pool->hart_count(); }
  // One operation at a time: who waits here would wait for ever.
  void relax() { TablePool::die("a cursor waits where none is in its way"); }
};

}  // namespace quoll::model
