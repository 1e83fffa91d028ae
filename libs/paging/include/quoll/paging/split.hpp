// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Splitting a leaf into the leaves of the level below, and merging them again. Neither changes
// what any address translates to, and no address is without its translation meanwhile: hardware
// finds the large page or the small ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/removal.hpp>
#include <quoll/paging/reserve.hpp>
#include <quoll/paging/tree.hpp>

namespace quoll::paging::detail {

/// How many levels a leaf must be split so that an address is no longer inside one.
template <typename T>
unsigned splits_for(unsigned level, mem::VirtualAddress boundary) {
  unsigned count = 0;
  for (; !boundary.is_aligned(T::page_bytes(level)); --level) {
    QUOLL_DEBUG_ASSERT(level > 0);  // no page starts inside a granule
    ++count;
  }
  return count;
}

/// Replaces the leaf in `slot` of a level above 0, which covers `at`, by a table of leaves.
/// *Requires*: `reserve` holds a table.
template <typename T>
typename T::Held split_leaf(T& tree, typename T::Entry* slot, unsigned level,
                            mem::VirtualAddress at, Reserve<typename T::Memory>& reserve,
                            Flush& flush) {
  constexpr std::size_t kEntries = T::FormatType::kEntriesPerTable;
  const Leaf leaf = tree.format().decode_leaf(T::load(slot));
  const typename T::Held below{reserve.pop(), level - 1};
  const std::uint64_t bytes = T::page_bytes(level - 1);
  typename T::Entry* entries = tree.table(below.table);
  for (std::size_t i = 0; i < kEntries; ++i) {
    const mem::PhysicalAddress part = leaf.address + i * bytes;
    T::store(&entries[i], tree.format().encode_leaf(part, leaf.properties, level - 1));
  }
  tree.adopt(below.table, below.level, kEntries);
  T::publish(slot, tree.format().encode_table(below.table));
  const std::uint64_t page = T::page_bytes(level);
  flush.include(mem::VirtualRange(at.align_down(page), page), FenceReach::kAll);
  return below;
}

/// Whether the table's leaves make up one page that begins at `first` and has its properties.
template <typename T>
bool is_uniform(T& tree, typename T::Held held, const Leaf& first) {
  const typename T::Entry* entries = tree.table(held.table);
  const std::uint64_t bytes = T::page_bytes(held.level);
  for (std::size_t i = 0; i < T::FormatType::kEntriesPerTable; ++i) {
    const Leaf expected{first.address + i * bytes, first.properties};
    const typename T::Entry entry = T::load(&entries[i]);
    if (tree.is_link(entry, held.level)) {
      if (!is_uniform(tree, {tree.format().decode_table(entry), held.level - 1}, expected)) {
        return false;
      }
    } else if (entry == 0 || !(tree.format().decode_leaf(entry) == expected)) {
      return false;
    }
  }
  return true;
}

/// Takes out a table that is no longer linked, and all tables below it.
template <typename T>
void retire_all(T& tree, typename T::Held held, Flush& flush) {
  const mem::VirtualAddress all{0};
  tree.for_each_link(held, all, T::page_bytes(held.level + 1),
                     [&](typename T::Held below, mem::VirtualAddress, std::uint64_t) {
                       retire_all(tree, below, flush);
                     });
  retire(tree, held, flush);
}

}  // namespace quoll::paging::detail
