// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the page tables under test and their model consist of: trees, cursors that are open, flush
// tokens that are not applied yet. Each is the library's object beside what the model knows of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include <quoll/paging/page_table.hpp>
#include <quoll/riscv/sv.hpp>

#include "page_model.hpp"
#include "table_pool.hpp"

namespace quoll::model::cursors {

/// Which tables are locked, by the observer's account.
struct Locked {
  std::set<std::uint64_t> tables;
};
struct Observer {
  Locked* seen;
  TablePool* pool;
  void locked(mem::PhysicalAddress table, unsigned) {
    if (!seen->tables.insert(table.value()).second) TablePool::die("a lock is taken twice");
  }
  void unlocked(mem::PhysicalAddress table, unsigned) {
    if (seen->tables.erase(table.value()) != 1) TablePool::die("a lock is released that is free");
  }
  void retired(mem::PhysicalAddress table, unsigned) {
    if (seen->tables.erase(table.value()) != 1) TablePool::die("a table is retired without lock");
    if (!pool->record(table).is_stale()) TablePool::die("a table is retired that is not stale");
  }
};

using Table = paging::PageTable<riscv::Sv, PoolMemory, Observer>;

struct Tree {
  Tree(const riscv::Sv& format, std::uint64_t root_table, TablePool* pool, unsigned bits,
       bool reclaims)
      : root(root_table),
        table(format, mem::PhysicalAddress(root_table), PoolMemory{pool},
              reclaims ? paging::Reclaim::kEmptyTables : paging::Reclaim::kNever,
              Observer{&locked, pool}),
        model(bits, reclaims) {}
  std::uint64_t root;
  Locked locked;
  Table table;
  ModelTree model;
};

struct Token {
  paging::Flush flush;
  std::size_t tree = 0;
  unsigned hart = 0;  ///< whose local fence it is
  std::uint64_t retired = 0;

  bool owes_fence() const { return flush.reach() != paging::FenceReach::kNone; }
  bool covers(std::size_t of_tree, std::uint64_t address) const {
    return tree == of_tree && owes_fence() && flush.range().contains(mem::VirtualAddress(address));
  }
};

/// A cursor of one of both kinds.
struct OpenCursor {
  std::size_t tree;
  unsigned hart;
  std::uint64_t start;
  std::uint64_t size;
  std::uint64_t at;
  TableKey guard;
  std::set<TableKey> locks;
  std::unique_ptr<Token> token;
  std::optional<Table::CursorMut> change;
  std::optional<Table::Cursor> look;

  std::uint64_t remaining() const { return size - (at - start); }
  template <typename F>
  auto with(F&& f) {
    return change ? f(static_cast<Table::Cursor&>(*change)) : f(*look);
  }
};

}  // namespace quoll::model::cursors
