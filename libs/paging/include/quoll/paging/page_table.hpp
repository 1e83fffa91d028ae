// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables: map, unmap, protect and query over ranges, in any format.
//
// Protocol of a change: check the whole range; count the page tables that are missing and take
// them all; then write entries, which cannot fail. What a change made stale is noted in the
// caller's flush token, page tables that became empty included: they are unlinked here and given
// back after the fence.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>

#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::paging {

/// Why a change was refused. Nothing has changed then.
enum class MapError : std::uint8_t {
  kUnaligned,        ///< an address or a size is not a multiple of the granule
  kEmpty,            ///< the range is empty
  kOutOfRange,       ///< not canonical, across both halves, or beyond physical addresses
  kAlreadyMapped,    ///< a page of the range has an entry
  kNotMapped,        ///< a page that must have an entry has none
  kSplitsLargePage,  ///< an end of the range lies inside a large page
  kOutOfMemory,      ///< no memory for a page table
};

/// Where page tables come from and how they are reached.
template <typename M>
concept TableMemory = requires(M memory, mem::PhysicalAddress table) {
  /// A page of zeros, or nothing.
  { memory.allocate() } -> std::same_as<std::optional<mem::PhysicalAddress>>;
  /// Takes a page back.
  { memory.release(table) } -> std::same_as<void>;
  /// The page's bytes.
  { memory.pointer(table) } -> std::same_as<void*>;
  /// A counter beside the page, zero when it is allocated: how many of its entries are not vacant.
  { memory.live_entries(table) } -> std::same_as<std::uint16_t&>;
};

/// What becomes of page tables without entries.
enum class Reclaim : std::uint8_t {
  kEmptyTables,  ///< they are unlinked and given back
  kNever,        ///< they stay: others share them, or somebody else made them
};

/// Whether `map` may use leaves larger than the granule.
enum class LargePages : std::uint8_t { kForbidden, kAllowed };

/// A translation as a query finds it.
struct Translation {
  Leaf leaf;               ///< of the whole page
  mem::VirtualRange page;  ///< what the leaf covers
};

/// One tree of page tables. The root belongs to the caller; the tables below it come from `M`.
/// *Locking*: the caller's.
template <Format F, TableMemory M>
class PageTable {
  using Entry = typename F::Entry;

 public:
  PageTable(F format, mem::PhysicalAddress root, M memory, Reclaim reclaim)
      : format_(format), root_(root), memory_(memory), reclaim_(reclaim) {}
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  const F& format() const noexcept { return format_; }
  mem::PhysicalAddress root() const noexcept { return root_; }
  M& memory() noexcept { return memory_; }
  const M& memory() const noexcept { return memory_; }

  /// Maps `range` to the physical memory from `to` on.
  base::Result<void, MapError> map(mem::VirtualRange range, mem::PhysicalAddress to,
                                   const Properties& properties, Flush& flush,
                                   LargePages large = LargePages::kForbidden) {
    TRY(check(range));
    if (!to.is_aligned(mem::kPageSize)) return base::err(MapError::kUnaligned);
    if (to > format_.physical_limit() || range.size() > format_.physical_limit() - to) {
      return base::err(MapError::kOutOfRange);
    }
    const Request request{to.value() - range.start().value(), properties, large};
    const std::uint64_t missing =
        TRY(count_missing(top(), table(root_), range.start(), range.size(), request));
    Reserve reserve(memory_);
    if (!reserve.take(missing)) return base::err(MapError::kOutOfMemory);
    write_range(top(), root_, range.start(), range.size(), request, reserve);
    flush.include(range, FenceReach::kLocal);
    return {};
  }

  /// Maps one granule: the fast path of page faults.
  base::Result<void, MapError> map_page(mem::VirtualAddress page, mem::PhysicalAddress to,
                                        const Properties& properties, Flush& flush) {
    QUOLL_DEBUG_ASSERT(page.is_aligned(mem::kPageSize) && to.is_aligned(mem::kPageSize));
    mem::PhysicalAddress at = root_;
    unsigned level = top();
    Entry* slot = &table(at)[index(page, level)];
    while (level > 0) {
      const Entry entry = load(slot);
      if (entry == 0) break;
      if (format_.kind(entry, level) != EntryKind::kTable) {
        return base::err(MapError::kAlreadyMapped);
      }
      at = format_.decode_table(entry);
      --level;
      slot = &table(at)[index(page, level)];
    }
    if (load(slot) != 0) return base::err(MapError::kAlreadyMapped);
    if (level > 0) {
      Reserve reserve(memory_);
      if (!reserve.take(level)) return base::err(MapError::kOutOfMemory);
      for (; level > 0; --level) {
        const mem::PhysicalAddress below = reserve.pop();
        link(at, slot, below);
        at = below;
        slot = &table(at)[index(page, level - 1)];
      }
    }
    store(slot, format_.encode_leaf(to, properties, 0));
    count_entries(at, 1);
    flush.include(mem::VirtualRange(page, mem::kPageSize), FenceReach::kLocal);
    return {};
  }

  /// Replaces the leaf of one granule by another. *Errors*: `kNotMapped`.
  base::Result<void, MapError> replace_page(mem::VirtualAddress page, mem::PhysicalAddress to,
                                            const Properties& properties, Flush& flush) {
    const Found found = walk(page);
    if (found.slot == nullptr || found.level != 0) return base::err(MapError::kNotMapped);
    store(found.slot, format_.encode_leaf(to, properties, 0));
    flush.include(mem::VirtualRange(page, mem::kPageSize), FenceReach::kAll);
    return {};
  }

  /// Takes every leaf out of `range`, calling `removed(page, leaf, size)` for each.
  /// Vacant stretches are skipped.
  template <typename Removed>
  base::Result<void, MapError> unmap(mem::VirtualRange range, Flush& flush, Removed&& removed) {
    TRY(check(range));
    TRY(check_large_pages(range));
    clear_range(top(), root_, range.start(), range.size(), flush, removed);
    return {};
  }

  /// Gives every leaf in `range` the permissions that `permissions_for(page, leaf)` says.
  template <typename PermissionsFor>
  base::Result<void, MapError> protect(mem::VirtualRange range, Flush& flush,
                                       PermissionsFor&& permissions_for) {
    TRY(check(range));
    TRY(check_large_pages(range));
    visit(top(), root_, range.start(), range.size(),
          [&](mem::VirtualAddress page, Entry* slot, unsigned level) {
            Leaf leaf = format_.decode_leaf(load(slot));
            const mem::Permissions before = leaf.properties.permissions;
            const mem::Permissions after = permissions_for(page, leaf);
            if (after == before) return;
            leaf.properties.permissions = after;
            store(slot, format_.encode_leaf(leaf.address, leaf.properties, level));
            flush.include(mem::VirtualRange(page, page_bytes(level)),
                          after.includes(before) ? FenceReach::kLocal : FenceReach::kAll);
          });
    return {};
  }

  /// What an address translates to, if anything. Parked pages are found, with permissions none.
  std::optional<Translation> query(mem::VirtualAddress address) const {
    if (!format_.user_half().contains(address) && !format_.kernel_half().contains(address)) {
      return std::nullopt;
    }
    const Found found = walk(address);
    if (found.slot == nullptr) return std::nullopt;
    const std::uint64_t size = page_bytes(found.level);
    return Translation{format_.decode_leaf(load(found.slot)),
                       mem::VirtualRange(address.align_down(size), size)};
  }

  /// Calls `f(page, leaf, size)` for each leaf in `range`, lowest first.
  template <typename Visitor>
  void for_each_leaf(mem::VirtualRange range, Visitor&& f) const {
    visit(top(), root_, range.start(), range.size(),
          [&](mem::VirtualAddress page, Entry* slot, unsigned level) {
            f(page, format_.decode_leaf(load(slot)), page_bytes(level));
          });
  }

  /// Makes the kernel half of this root the same as that of `other`: from then on both share the
  /// page tables below.
  void share_kernel_half(mem::PhysicalAddress other) {
    constexpr std::size_t kHalf = F::kEntriesPerTable / 2;
    const Entry* from = table(other);
    Entry* to = table(root_);
    for (std::size_t i = kHalf; i < F::kEntriesPerTable; ++i) store(&to[i], load(&from[i]));
  }

 private:
  /// A mapping in the making: physical address minus virtual address, and what leaves say.
  struct Request {
    std::uint64_t offset = 0;
    Properties properties;
    LargePages large{};
    mem::PhysicalAddress target(mem::VirtualAddress page) const noexcept {
      return mem::PhysicalAddress(page.value() + offset);
    }
  };

  /// A leaf's place.
  struct Found {
    Entry* slot = nullptr;
    unsigned level = 0;
  };

  /// Page tables taken ahead of a change, chained through their first words. What the change did
  /// not use goes back.
  class Reserve {
   public:
    explicit Reserve(M& memory) : memory_(memory) {}
    Reserve(const Reserve&) = delete;
    Reserve& operator=(const Reserve&) = delete;
    ~Reserve() {
      while (first_) memory_.release(pop());
    }
    [[nodiscard]] bool take(std::uint64_t count) {
      for (; count > 0; --count) {
        const auto table = memory_.allocate();
        if (!table) return false;
        *word(*table) = first_ ? first_->value() : 0;
        first_ = table;
      }
      return true;
    }
    mem::PhysicalAddress pop() {
      QUOLL_ASSERT(first_.has_value());
      const mem::PhysicalAddress table = *first_;
      const std::uint64_t next = *word(table);
      *word(table) = 0;
      first_ = next == 0 ? std::nullopt : std::optional(mem::PhysicalAddress(next));
      return table;
    }

   private:
    std::uint64_t* word(mem::PhysicalAddress table) {
      return static_cast<std::uint64_t*>(memory_.pointer(table));
    }
    M& memory_;
    std::optional<mem::PhysicalAddress> first_;
  };

  unsigned top() const noexcept { return format_.levels() - 1; }
  static constexpr unsigned shift(unsigned level) noexcept {
    return mem::kPageShift + F::kIndexBits * level;
  }
  static constexpr std::uint64_t page_bytes(unsigned level) noexcept {
    return std::uint64_t{1} << shift(level);
  }
  static constexpr std::size_t index(mem::VirtualAddress address, unsigned level) noexcept {
    // NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): a level is below 5, whatever it supposes
    return (address.value() >> shift(level)) & (F::kEntriesPerTable - 1);
  }
  /// How much of `[address, address + size)` the entry of this level covers.
  static constexpr std::uint64_t chunk(mem::VirtualAddress address, std::uint64_t size,
                                       unsigned level) noexcept {
    const std::uint64_t rest = page_bytes(level) - (address.value() & (page_bytes(level) - 1));
    return size < rest ? size : rest;
  }
  Entry* table(mem::PhysicalAddress address) const {
    return static_cast<Entry*>(memory_.pointer(address));
  }
  // Other harts walk these words while they change.
  static Entry load(const Entry* slot) noexcept { return __atomic_load_n(slot, __ATOMIC_RELAXED); }
  static void store(Entry* slot, Entry entry) noexcept {
    __atomic_store_n(slot, entry, __ATOMIC_RELAXED);
  }
  void count_entries(mem::PhysicalAddress at, unsigned added) {
    if (reclaim_ == Reclaim::kNever || at == root_) return;
    std::uint16_t& live = memory_.live_entries(at);
    live = static_cast<std::uint16_t>(live + added);
  }
  /// Links an empty page table below `slot` of the table `at`. Its zeros are visible first.
  void link(mem::PhysicalAddress at, Entry* slot, mem::PhysicalAddress below) {
    __atomic_store_n(slot, format_.encode_table(below), __ATOMIC_RELEASE);
    count_entries(at, 1);
  }

  base::Result<void, MapError> check(mem::VirtualRange range) const {
    if (!range.is_page_aligned()) return base::err(MapError::kUnaligned);
    if (range.is_empty()) return base::err(MapError::kEmpty);
    if (!format_.user_half().contains(range) && !format_.kernel_half().contains(range)) {
      return base::err(MapError::kOutOfRange);
    }
    return {};
  }

  /// No end of the range may lie inside a large page: only then can one be covered in part.
  base::Result<void, MapError> check_large_pages(mem::VirtualRange range) const {
    const auto first = query(range.start());
    const auto last = query(range.start() + (range.size() - 1));
    if ((first && !range.contains(first->page)) || (last && !range.contains(last->page))) {
      return base::err(MapError::kSplitsLargePage);
    }
    return {};
  }

  Found walk(mem::VirtualAddress address) const {
    mem::PhysicalAddress at = root_;
    for (unsigned level = top();; --level) {
      Entry* slot = &table(at)[index(address, level)];
      const Entry entry = load(slot);
      const EntryKind kind = format_.kind(entry, level);
      QUOLL_ASSERT(kind != EntryKind::kInvalid);  // nobody else writes page tables
      switch (kind) {
        case EntryKind::kVacant:
          return {};
        case EntryKind::kLeaf:
          return {slot, level};
        case EntryKind::kTable:
          at = format_.decode_table(entry);
          break;
        case EntryKind::kInvalid:
          break;
      }
    }
  }

  bool is_leaf_here(unsigned level, mem::VirtualAddress page, std::uint64_t size,
                    const Request& request) const {
    if (level == 0) return true;
    return request.large == LargePages::kAllowed && format_.may_be_leaf(level) &&
           size == page_bytes(level) && request.target(page).is_aligned(page_bytes(level));
  }

  /// Checks that all of the range is vacant and counts the page tables that it lacks. `entries`
  /// is null where the table itself is one of those.
  base::Result<std::uint64_t, MapError> count_missing(unsigned level, const Entry* entries,
                                                      mem::VirtualAddress at, std::uint64_t size,
                                                      const Request& request) const {
    std::uint64_t missing = 0;
    if (entries == nullptr && level == 0) return missing;
    while (size > 0) {
      const std::uint64_t part = chunk(at, size, level);
      const Entry entry = entries == nullptr ? 0 : load(&entries[index(at, level)]);
      if (entry != 0) {
        if (level == 0 || format_.kind(entry, level) != EntryKind::kTable) {
          return base::err(MapError::kAlreadyMapped);
        }
        missing +=
            TRY(count_missing(level - 1, table(format_.decode_table(entry)), at, part, request));
      } else if (!is_leaf_here(level, at, part, request)) {
        missing += 1 + TRY(count_missing(level - 1, nullptr, at, part, request));
      }
      at += part;
      size -= part;
    }
    return missing;
  }

  void write_range(unsigned level, mem::PhysicalAddress here, mem::VirtualAddress at,
                   std::uint64_t size, const Request& request, Reserve& reserve) {
    Entry* entries = table(here);
    unsigned written = 0;
    while (size > 0) {
      const std::uint64_t part = chunk(at, size, level);
      Entry* slot = &entries[index(at, level)];
      const Entry entry = load(slot);
      if (entry == 0 && is_leaf_here(level, at, part, request)) {
        store(slot, format_.encode_leaf(request.target(at), request.properties, level));
        ++written;
      } else {
        if (entry == 0) link(here, slot, reserve.pop());
        write_range(level - 1, format_.decode_table(load(slot)), at, part, request, reserve);
      }
      at += part;
      size -= part;
    }
    count_entries(here, written);
  }

  /// Clears leaves and unlinks tables that become empty; the result says whether `here` has.
  template <typename Removed>
  bool clear_range(unsigned level, mem::PhysicalAddress here, mem::VirtualAddress at,
                   std::uint64_t size, Flush& flush, Removed& removed) {
    Entry* entries = table(here);
    unsigned cleared = 0;
    while (size > 0) {
      const std::uint64_t part = chunk(at, size, level);
      Entry* slot = &entries[index(at, level)];
      const Entry entry = load(slot);
      if (entry != 0) {
        if (format_.kind(entry, level) == EntryKind::kTable) {
          const mem::PhysicalAddress below = format_.decode_table(entry);
          if (clear_range(level - 1, below, at, part, flush, removed)) {
            store(slot, 0);
            flush.retire(below, memory_.pointer(below));
            flush.include(mem::VirtualRange(at, part), FenceReach::kAll);
            ++cleared;
          }
        } else {
          store(slot, 0);
          flush.include(mem::VirtualRange(at, part), FenceReach::kAll);
          removed(at, format_.decode_leaf(entry), part);
          ++cleared;
        }
      }
      at += part;
      size -= part;
    }
    if (reclaim_ == Reclaim::kNever || here == root_) return false;
    std::uint16_t& live = memory_.live_entries(here);
    live = static_cast<std::uint16_t>(live - cleared);
    return live == 0;
  }

  /// Calls `f(page, slot, level)` for each leaf that starts in the range or covers it.
  template <typename Visitor>
  void visit(unsigned level, mem::PhysicalAddress here, mem::VirtualAddress at, std::uint64_t size,
             Visitor&& f) const {
    Entry* entries = table(here);
    while (size > 0) {
      const std::uint64_t part = chunk(at, size, level);
      Entry* slot = &entries[index(at, level)];
      const Entry entry = load(slot);
      if (entry != 0) {
        if (format_.kind(entry, level) == EntryKind::kTable) {
          visit(level - 1, format_.decode_table(entry), at, part, f);
        } else {
          f(at.align_down(page_bytes(level)), slot, level);
        }
      }
      at += part;
      size -= part;
    }
  }

  const F format_;
  const mem::PhysicalAddress root_;
  mutable M memory_;
  const Reclaim reclaim_;
};

}  // namespace quoll::paging
