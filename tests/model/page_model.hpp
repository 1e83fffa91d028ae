// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The model of a tree of page tables: pages in a map, page tables in a set, and the rules of the
// cursors' protocol over both. All in plain numbers.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace quoll::model {

inline constexpr std::uint64_t kPage = 4096;

struct PageProperties {
  bool read = false;
  bool write = false;
  bool execute = false;
  bool user = false;
  bool global = false;
  unsigned type = 0;  ///< memory type: 0 plain, 1 uncached, 2 device
  bool operator==(const PageProperties&) const = default;
};

struct ModelPage {
  unsigned level = 0;
  std::uint64_t physical = 0;
  PageProperties properties;
  bool operator==(const ModelPage&) const = default;
};

/// Level and first address of a page table. The root's address counts as 0.
using TableKey = std::pair<unsigned, std::uint64_t>;

/// What a mapping would enter.
struct Plan {
  std::vector<std::pair<std::uint64_t, ModelPage>> pages;
  std::set<TableKey> tables;
};

class ModelTree {
 public:
  using Pages = std::map<std::uint64_t, ModelPage>;

  ModelTree(unsigned bits, bool reclaims) : top_((bits - 12) / 9 - 1), reclaims_(reclaims) {}

  static std::uint64_t bytes(unsigned level) { return kPage << (9 * level); }
  /// How much of a range the entry of a level covers.
  static std::uint64_t chunk(std::uint64_t at, std::uint64_t size, unsigned level) {
    const std::uint64_t rest = bytes(level) - (at & (bytes(level) - 1));
    return size < rest ? size : rest;
  }

  const Pages& pages() const { return pages_; }
  const std::set<TableKey>& tables() const { return tables_; }
  unsigned top() const { return top_; }
  bool reclaims() const { return reclaims_; }

  TableKey key(unsigned level, std::uint64_t address) const {
    return {level, level == top_ ? 0 : address & ~(bytes(level + 1) - 1)};
  }
  bool has_table(const TableKey& table) const {
    return table.first == top_ || tables_.count(table) != 0;
  }
  /// The page that has an address, or `pages().end()`.
  Pages::const_iterator page_at(std::uint64_t address) const;
  /// The first page that has bytes of a range, or `pages().end()`.
  Pages::const_iterator first_page(std::uint64_t at, std::uint64_t size) const;
  /// The level of the table whose entry ends the way to an address.
  unsigned end_level(std::uint64_t address) const;

  /// The level of the lowest table that could cover a range.
  static unsigned covering(std::uint64_t start, std::uint64_t size);
  /// The lowest table there is, at `lowest` or above, on the way to an address.
  TableKey guard(std::uint64_t start, unsigned lowest) const;
  /// What a cursor for the range locks: its guard and what is below it in the range.
  std::set<TableKey> locks(std::uint64_t start, std::uint64_t size, const TableKey& guard) const;

  /// The tables that splitting the pages across the ends of a range takes.
  std::set<TableKey> end_splits(std::uint64_t at, std::uint64_t size) const;
  void split_ends(std::uint64_t at, std::uint64_t size);
  /// Splits the page that has an address once.
  void split_at(std::uint64_t address);

  /// Adds the mapping of a range to a plan; false when something is mapped there.
  bool plan(const TableKey& guard, std::uint64_t at, std::uint64_t size, std::uint64_t to,
            const PageProperties& properties, bool large, Plan& out) const {
    return plan_below(guard.first, at, size, to, properties, large, out);
  }
  void enter(const Plan& plan);
  void set_properties(std::uint64_t page, const PageProperties& properties) {
    pages_.at(page).properties = properties;
  }
  void set_physical(std::uint64_t page, std::uint64_t physical) {
    pages_.at(page).physical = physical;
  }

  /// Takes all pages out of a range that cuts none, and the tables below the guard that are empty
  /// then; the result is those tables.
  std::set<TableKey> remove(const TableKey& guard, std::uint64_t at, std::uint64_t size);
  /// Whether the pages of a range make up one page.
  bool is_uniform(std::uint64_t at, std::uint64_t size) const;
  /// Makes one page of them; the result is the tables that are gone.
  std::set<TableKey> merge(std::uint64_t at, unsigned level);

 private:
  bool plan_below(unsigned level, std::uint64_t at, std::uint64_t size, std::uint64_t to,
                  const PageProperties& properties, bool large, Plan& out) const;
  template <typename F>
  void for_tables_below(unsigned level, std::uint64_t at, std::uint64_t size, F&& f) const;
  bool is_empty(const TableKey& table) const;

  unsigned top_;
  bool reclaims_;
  Pages pages_;
  std::set<TableKey> tables_;  // below the root
};

}  // namespace quoll::model
