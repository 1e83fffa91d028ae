// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Entering pages below a held table: first the check of all entries and the count of the tables
// that are missing, then the writing, which cannot fail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/reserve.hpp>
#include <quoll/paging/tree.hpp>

namespace quoll::paging {

/// Whether `map` may use leaves larger than the granule.
enum class LargePages : std::uint8_t { kForbidden, kAllowed };

namespace detail {

/// Pages that follow one another in physical memory as they do in virtual memory.
struct Contiguous {
  std::uint64_t offset = 0;  ///< physical minus virtual address
  Properties properties;
  LargePages large{};
  bool may_be_large() const noexcept { return large == LargePages::kAllowed; }
  mem::PhysicalAddress target(mem::VirtualAddress page) const noexcept {
    return mem::PhysicalAddress(page.value() + offset);
  }
};

/// Pages whose frames are listed.
struct Scattered {
  const mem::PhysicalAddress* frames = nullptr;
  mem::VirtualAddress start;
  Properties properties;
  static constexpr bool may_be_large() noexcept { return false; }
  mem::PhysicalAddress target(mem::VirtualAddress page) const noexcept {
    return frames[(page - start) >> mem::kPageShift];
  }
};

/// Whether one entry of this level shall hold all of a part.
template <typename T, typename Request>
bool is_leaf_here(const T& tree, unsigned level, mem::VirtualAddress page, std::uint64_t size,
                  const Request& request) {
  if (level == 0) return true;
  return request.may_be_large() && size == T::page_bytes(level) &&
         tree.format().may_be_leaf(level) && request.target(page).is_aligned(T::page_bytes(level));
}

/// Counts the tables that mappings lack. Told of several ranges, lowest first, it counts a table
/// once that they share.
template <typename T>
class MissingTables {
  using Entry = typename T::Entry;

 public:
  explicit MissingTables(T& tree) : tree_(tree) {}

  std::uint64_t count() const noexcept { return count_; }

  /// *Errors*: `kAlreadyMapped`.
  template <typename Request>
  base::Result<void, MapError> add(typename T::Held held, mem::VirtualAddress at,
                                   std::uint64_t size, const Request& request) {
    return add(held.level, tree_.table(held.table), at, size, request);
  }

 private:
  /// `entries` is null where the table itself is missing.
  template <typename Request>
  base::Result<void, MapError> add(unsigned level, const Entry* entries, mem::VirtualAddress at,
                                   std::uint64_t size, const Request& request) {
    if (level == 0) {
      const Entry* slot = entries + T::index(at, 0);
      for (const Entry* const end = slot + (size >> mem::kPageShift); slot != end; ++slot) {
        if (T::load(slot) != 0) return base::err(MapError::kAlreadyMapped);
      }
      return {};
    }
    while (size > 0) {
      const std::uint64_t part = T::chunk(at, size, level);
      const Entry entry = entries == nullptr ? 0 : T::load(&entries[T::index(at, level)]);
      if (entry != 0) {
        if (!tree_.format().is_table(entry)) return base::err(MapError::kAlreadyMapped);
        const Entry* below = tree_.table(tree_.format().decode_table(entry));
        TRY(add(level - 1, below, at, part, request));
      } else if (!is_leaf_here(tree_, level, at, part, request)) {
        const std::uint64_t block = (at.value() >> T::shift(level)) + 1;
        if (counted_[level] != block) ++count_;
        counted_[level] = block;
        if (level > 1) TRY(add(level - 1, nullptr, at, part, request));
      }
      at += part;
      size -= part;
    }
    return {};
  }

  T& tree_;
  std::uint64_t count_ = 0;
  std::array<std::uint64_t, T::FormatType::kMaxLevels> counted_{};
};

/// Writes leaves into vacant entries. *Requires*: `reserve` holds the tables that are missing.
template <typename T, typename Request>
void write_leaves(T& tree, typename T::Held held, mem::VirtualAddress at, std::uint64_t size,
                  const Request& request, Reserve<typename T::Memory>& reserve) {
  using Entry = typename T::Entry;
  Entry* slot = tree.table(held.table) + T::index(at, held.level);
  unsigned written = 0;
  if (held.level == 0) {
    written = static_cast<unsigned>(size >> mem::kPageShift);
    // Copies, which no store can change, so that what all entries have in common is made once.
    const typename T::FormatType format = tree.format();
    const Request pages = request;
    for (Entry* const end = slot + written; slot != end; ++slot, at += mem::kPageSize) {
      T::store(slot, format.encode_leaf(pages.target(at), pages.properties, 0));
    }
    size = 0;
  }
  for (; size > 0; ++slot) {
    const std::uint64_t part = T::chunk(at, size, held.level);
    Entry entry = T::load(slot);
    if (entry == 0 && is_leaf_here(tree, held.level, at, part, request)) {
      const auto to = request.target(at);
      T::store(slot, tree.format().encode_leaf(to, request.properties, held.level));
      ++written;
    } else {
      if (entry == 0) {
        const mem::PhysicalAddress below = reserve.pop();
        tree.adopt(below, held.level - 1, 0);
        entry = tree.format().encode_table(below);
        T::publish(slot, entry);
        ++written;
      }
      const typename T::Held below{tree.format().decode_table(entry), held.level - 1};
      write_leaves(tree, below, at, part, request, reserve);
    }
    at += part;
    size -= part;
  }
  tree.add_live(held.table, written);
}

}  // namespace detail
}  // namespace quoll::paging
