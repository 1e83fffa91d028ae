// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A tree of page tables, in any format, that several harts change at once. Whoever wants to look
// at a range or to change it opens a cursor over it; tree.hpp says how cursors stay apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <quoll/base/bits.hpp>
#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/cursor.hpp>
#include <quoll/paging/cursor_mut.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/paging/page_mut.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/table_memory.hpp>
#include <quoll/paging/tree.hpp>
#include <quoll/paging/vm_item.hpp>

namespace quoll::paging {

/// One tree of page tables. The root belongs to the caller; the tables below it come from `M`.
/// *Locking*: any hart, unless a member says otherwise. *Context*: task.
template <Format F, TableMemory M, typename O = NoObserver>
class PageTable {
  using T = Tree<F, M, O>;

 public:
  using Cursor = paging::Cursor<T>;
  using CursorMut = paging::CursorMut<T>;
  using PageMut = paging::PageMut<T>;

  PageTable(F format, mem::PhysicalAddress root, M memory, Reclaim reclaim, O observer = {})
      : tree_(format, root, memory, reclaim, observer) {}
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  const F& format() const noexcept { return tree_.format(); }
  mem::PhysicalAddress root() const noexcept { return tree_.root(); }
  M& memory() noexcept { return tree_.memory(); }
  const M& memory() const noexcept { return tree_.memory(); }
  O& observer() noexcept { return tree_.observer(); }

  /// Opens a cursor over `[start, start + size)`, when no other one is open there. It locks the
  /// lowest table that covers the range, and what is below it there.
  ///
  /// *Errors*: `kUnaligned`, `kEmpty`, `kOverflow`, `kNotCanonical`, `kSharedHalf`.
  [[gnu::always_inline]] base::Result<Cursor, MapError> cursor(mem::VirtualAddress start,
                                                               std::uint64_t size) const {
    return open<Cursor>(start, size);
  }
  [[gnu::always_inline]] base::Result<CursorMut, MapError> cursor_mut(mem::VirtualAddress start,
                                                                      std::uint64_t size) {
    return open<CursorMut>(start, size);
  }

  /// The same with a guard so far up that every table which `within` covers wholly is below it:
  /// the cursor can take those out, and put leaves in their place. It locks no more tables below
  /// its guard than those that have entries of the range.
  ///
  /// *Errors*: further, `kOutsideCursor` when the range is not in `within`.
  base::Result<CursorMut, MapError> cursor_mut(mem::VirtualRange range, mem::VirtualRange within) {
    TRY(tree_.check(range.start(), range.size()));
    TRY(tree_.check(within.start(), within.size()));
    if (!within.contains(range)) return base::err(MapError::kOutsideCursor);
    unsigned lowest = T::covering(within.start(), within.size());
    const bool is_whole_table = within.is_aligned(T::page_bytes(lowest) << F::kIndexBits);
    if (is_whole_table) lowest = std::min(lowest + 1, tree_.top());
    return CursorMut(tree_, range.start(), range.size(),
                     tree_.lock_checked(range.start(), range.size(), lowest));
  }

  /// The page at an address, locked alone: the quick way for a page fault.
  ///
  /// *Errors*: `kUnaligned`, `kNotCanonical`, `kSharedHalf`.
  [[gnu::always_inline]] base::Result<PageMut, MapError> page_mut(mem::VirtualAddress page) {
    return open<PageMut>(page, mem::kPageSize);
  }

  /// What an address translates to, if anything, without any lock: the answer may be old when it
  /// arrives. Pages without permissions are found.
  std::optional<Translation> query(mem::VirtualAddress address) const {
    if (!tree_.format().user_half().contains(address) &&
        !tree_.format().kernel_half().contains(address)) {
      return std::nullopt;
    }
    auto& sections = tree_.memory().sections();
    const unsigned hart = tree_.memory().hart();
    sections.enter(hart);
    mem::PhysicalAddress here = tree_.root();
    unsigned level = tree_.top();
    auto entry = T::load_link(&tree_.table(here)[T::index(address, level)]);
    while (tree_.is_link(entry, level)) {
      here = tree_.format().decode_table(entry);
      --level;
      entry = T::load_link(&tree_.table(here)[T::index(address, level)]);
    }
    sections.leave(hart);
    if (entry == 0) return std::nullopt;
    const std::uint64_t bytes = T::page_bytes(level);
    return Translation{tree_.format().decode_leaf(entry),
                       mem::VirtualRange(address.align_down(bytes), bytes)};
  }

  /// Makes the kernel half of this root the same as that of `other`: from then on both share the
  /// page tables below, and cursors of this tree keep out of it. *Context*: before anybody uses
  /// this tree.
  void share_kernel_half(mem::PhysicalAddress other) {
    constexpr std::size_t kHalf = F::kEntriesPerTable / 2;
    const auto* from = tree_.table(other);
    auto* to = tree_.table(tree_.root());
    for (std::size_t i = kHalf; i < F::kEntriesPerTable; ++i) T::store(&to[i], T::load(&from[i]));
    tree_.give_up_kernel_half();
  }

  // One operation over a range each, by a cursor of its own.

  base::Result<void, MapError> map(mem::VirtualRange range, mem::PhysicalAddress to,
                                   const Properties& properties, Flush& flush,
                                   LargePages large = LargePages::kForbidden) {
    return TRY(cursor_mut(range.start(), range.size()))
        .map(to, range.size(), properties, flush, large);
  }
  base::Result<void, MapError> map_page(mem::VirtualAddress page, mem::PhysicalAddress to,
                                        const Properties& properties, Flush& flush) {
    return TRY(cursor_mut(page, mem::kPageSize)).map(to, mem::kPageSize, properties, flush);
  }
  base::Result<void, MapError> replace_page(mem::VirtualAddress page, mem::PhysicalAddress to,
                                            const Properties& properties, Flush& flush) {
    (void)TRY(TRY(cursor_mut(page, mem::kPageSize)).replace(to, properties, flush));
    return {};
  }
  /// Takes all pages of a range out, and the page tables that are empty then. Its cursors have
  /// the lowest guards that will do: one for the pages; if that leaves a guard empty, one more
  /// above it, which looks again whether it still is.
  template <typename Removed>
  base::Result<void, MapError> unmap(mem::VirtualRange range, Flush& flush, Removed&& removed) {
    std::optional<mem::VirtualRange> empty;
    {
      CursorMut cursor = TRY(cursor_mut(range.start(), range.size()));
      TRY(cursor.unmap(range.size(), flush, removed));
      empty = cursor.emptied();
    }
    while (empty) {
      const unsigned above = T::covering(empty->start(), empty->size()) + 1;
      CursorMut cursor(tree_, empty->start(), empty->size(),
                       tree_.lock_checked(empty->start(), empty->size(), above));
      cursor.prune(flush);
      empty = cursor.emptied();
    }
    return {};
  }
  template <typename PermissionsFor>
  base::Result<void, MapError> protect(mem::VirtualRange range, Flush& flush,
                                       PermissionsFor&& permissions_for) {
    return TRY(cursor_mut(range.start(), range.size()))
        .protect(range.size(), flush, [&](mem::VirtualAddress page, const Leaf& leaf) {
          Properties properties = leaf.properties;
          properties.permissions = permissions_for(page, leaf);
          return properties;
        });
  }
  /// Calls `f(page, leaf, size)` for each leaf in `range`, lowest first, while a cursor is open
  /// there. *Requires*: there can be a cursor for the range.
  template <typename Visitor>
  void for_each_leaf(mem::VirtualRange range, Visitor&& f) const {
    auto opened = cursor(range.start(), range.size());
    while (!opened->is_at_end()) {
      const auto found = opened->find_next(opened->remaining());
      if (!*found) return;
      f((*found)->range.start(), *(*found)->leaf, (*found)->range.size());
      (void)opened->next();
    }
  }

 private:
  template <typename C>
  [[gnu::always_inline]] base::Result<C, MapError> open(mem::VirtualAddress start,
                                                        std::uint64_t size) const {
    const auto guard = tree_.lock(start, size);
    if (!guard) [[unlikely]]
      return base::err(guard.error());
    return C(tree_, start, size, *guard);
  }

  mutable T tree_;  // to look takes locks
};

}  // namespace quoll::paging
