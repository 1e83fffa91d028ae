// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Visiting and taking out the leaves below a held table, and the tables that become empty.
#pragma once

#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/tree.hpp>

namespace quoll::paging::detail {

/// Calls `f(slot, level, at)` for each leaf that has pages of the range, lowest first; `at` is its
/// first page in the range.
template <typename T, typename Visitor>
void for_each_leaf(T& tree, typename T::Held held, mem::VirtualAddress at, std::uint64_t size,
                   Visitor& f) {
  using Entry = typename T::Entry;
  Entry* slot = tree.table(held.table) + T::index(at, held.level);
  if (held.level == 0) {
    for (; size > 0; ++slot, at += mem::kPageSize, size -= mem::kPageSize) {
      if (T::load(slot) != 0) f(slot, 0, at);
    }
    return;
  }
  for (; size > 0; ++slot) {
    const std::uint64_t part = T::chunk(at, size, held.level);
    const Entry entry = T::load(slot);
    if (tree.is_link(entry, held.level)) {
      const typename T::Held below{tree.format().decode_table(entry), held.level - 1};
      for_each_leaf(tree, below, at, part, f);
    } else if (entry != 0) {
      f(slot, held.level, at);
    }
    at += part;
    size -= part;
  }
}

/// Takes a table out of the tree whose entry was just overwritten. *Requires*: it is locked.
template <typename T>
void retire(T& tree, typename T::Held held, Flush& flush) {
  const auto record = tree.record(held.table);
  record.make_stale();
  tree.memory().sections().count_unlinked();
  tree.observer().retired(held.table, held.level);
  flush.retire(held.table, record);
}

/// Clears granules from a slot on, calling `removed(page, leaf, size)` for each; how many there
/// were.
template <typename T, typename Removed>
unsigned clear_granules(T& tree, typename T::Entry* slot, mem::VirtualAddress at,
                        std::uint64_t size, Flush& flush, Removed& removed) {
  unsigned cleared = 0;
  mem::VirtualAddress first;
  mem::VirtualAddress last;
  for (; size > 0; ++slot, at += mem::kPageSize, size -= mem::kPageSize) {
    const typename T::Entry entry = T::load(slot);
    if (entry == 0) continue;
    T::store(slot, 0);
    removed(at, tree.format().decode_leaf(entry), mem::kPageSize);
    if (cleared == 0) first = at;
    last = at;
    ++cleared;
  }
  if (cleared != 0) {
    flush.include(first, last + (mem::kPageSize - 1), FenceReach::kAll);
  }
  return cleared;
}

/// Clears all leaves of a range, calling `removed(page, leaf, size)` for each, and unlinks the
/// tables below `held` that are empty then. *Requires*: the range cuts no leaf.
template <typename T, typename Removed>
void clear_leaves(T& tree, typename T::Held held, mem::VirtualAddress at, std::uint64_t size,
                  Flush& flush, Removed& removed) {
  using Entry = typename T::Entry;
  Entry* slot = tree.table(held.table) + T::index(at, held.level);
  unsigned cleared = 0;
  if (held.level == 0) {
    cleared = clear_granules(tree, slot, at, size, flush, removed);
    size = 0;
  }
  for (; size > 0; ++slot) {
    const std::uint64_t part = T::chunk(at, size, held.level);
    const Entry entry = T::load(slot);
    if (tree.is_link(entry, held.level)) {
      const typename T::Held below{tree.format().decode_table(entry), held.level - 1};
      clear_leaves(tree, below, at, part, flush, removed);
      if (tree.reclaims() && tree.record(below.table).live() == 0) {
        T::store(slot, 0);
        retire(tree, below, flush);
        flush.include(mem::VirtualRange(at, part), FenceReach::kAll);
        ++cleared;
      }
    } else if (entry != 0) {
      T::store(slot, 0);
      flush.include(mem::VirtualRange(at, part), FenceReach::kAll);
      removed(at, tree.format().decode_leaf(entry), part);
      ++cleared;
    }
    at += part;
    size -= part;
  }
  tree.remove_live(held.table, cleared);
}

/// Unlinks the tables below `held` that have no entries, as far as they have entries of the range.
/// *Requires*: they are locked.
template <typename T>
void clear_empty_tables(T& tree, typename T::Held held, mem::VirtualAddress at, std::uint64_t size,
                        Flush& flush) {
  using Entry = typename T::Entry;
  Entry* slot = tree.table(held.table) + T::index(at, held.level);
  for (; size > 0; ++slot) {
    const std::uint64_t part = T::chunk(at, size, held.level);
    const Entry entry = T::load(slot);
    if (tree.is_link(entry, held.level)) {
      const typename T::Held below{tree.format().decode_table(entry), held.level - 1};
      clear_empty_tables(tree, below, at, part, flush);
      if (tree.record(below.table).live() == 0) {
        T::store(slot, 0);
        retire(tree, below, flush);
        flush.include(mem::VirtualRange(at, part), FenceReach::kAll);
        tree.remove_live(held.table, 1);
      }
    }
    at += part;
    size -= part;
  }
}

}  // namespace quoll::paging::detail
