// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cursors that look: each owns a range of a tree of page tables while it is open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/tree.hpp>
#include <quoll/paging/vm_item.hpp>

namespace quoll::paging {

/// A place in a range of addresses, and the lock of that range until it ends.
/// *Locking*: one hart uses it. Who opens several at once, in one tree or in several, must do so
/// in one order everywhere, and never overlapping ones. *Context*: task.
template <typename T>
class Cursor {
 public:
  /// Over a range that is locked; `PageTable::cursor` opens it.
  [[gnu::always_inline]] Cursor(T& tree, mem::VirtualAddress start, std::uint64_t size,
                                const typename T::Guard& guard) noexcept
      : tree_(&tree), start_(start), size_(size), at_(start), guard_(guard) {}
  [[gnu::always_inline]] Cursor(Cursor&& other) noexcept
      : tree_(std::exchange(other.tree_, nullptr)),
        start_(other.start_),
        size_(other.size_),
        at_(other.at_),
        guard_(other.guard_) {}
  Cursor& operator=(Cursor&&) = delete;
  [[gnu::always_inline]] ~Cursor() {
    // Where a TRY returns, the analyzer destroys what the TRY would have made.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    if (tree_ != nullptr) tree_->unlock(guard_, start_, size_);
  }

  /// What it owns.
  mem::VirtualRange range() const noexcept { return mem::VirtualRange(start_, size_); }
  /// Where it stands: in its range, or right behind it.
  mem::VirtualAddress position() const noexcept { return at_; }
  /// How much of the range is left from the position on.
  std::uint64_t remaining() const noexcept { return size_ - (at_ - start_); }
  bool is_at_end() const noexcept { return remaining() == 0; }

  /// What stands at the position. *Errors*: `kOutsideCursor` at the end.
  [[gnu::always_inline]] base::Result<VmItem, MapError> query() const noexcept {
    if (is_at_end()) return base::err(MapError::kOutsideCursor);
    return item();
  }

  /// Goes to an address of the range. *Errors*: `kUnaligned`, `kOutsideCursor`.
  base::Result<void, MapError> jump(mem::VirtualAddress to) noexcept {
    if (!to.is_aligned(mem::kPageSize)) return base::err(MapError::kUnaligned);
    if (to - start_ >= size_) return base::err(MapError::kOutsideCursor);
    at_ = to;
    return {};
  }

  /// What stands at the position, which moves behind it; nothing at the end.
  std::optional<VmItem> next() noexcept {
    auto item = query();
    if (!item) return std::nullopt;
    skip(item->range);
    return *item;
  }

  /// Goes to the first page within `size` bytes of the position and tells what it is; a position
  /// inside a page stays where it is. When there is none, goes behind the `size` bytes.
  ///
  /// *Errors*: `kUnaligned`, `kEmpty`, `kOutsideCursor`.
  base::Result<std::optional<VmItem>, MapError> find_next(std::uint64_t size) noexcept {
    TRY(check_size(size));
    const auto found = seek(at_, size);
    at_ = found ? found->at : at_ + size;
    if (!found) return std::optional<VmItem>();
    const Leaf leaf = tree_->format().decode_leaf(T::load(found->place.slot));
    return std::optional(VmItem{page_of(found->place.level, at_), leaf});
  }

 protected:
  using Entry = typename T::Entry;
  using Held = typename T::Held;

  /// An entry that leads to no further table.
  struct Place {
    Entry* slot;
    unsigned level;
  };
  struct Sought {
    mem::VirtualAddress at;
    Place place;
  };

  /// What stands at the position, which is not the end.
  [[gnu::always_inline]] VmItem item() const noexcept {
    if (guard_.level > 0) return item_below(*tree_, guard_.entries, guard_.level, at_, remaining());
    const Entry entry = T::load(&guard_.entries[T::index(at_, 0)]);
    if (entry != 0) return VmItem{page_of(0, at_), tree_->format().decode_leaf(entry)};
    return VmItem{page_of(0, at_), std::nullopt};
  }
  [[gnu::noinline]] static VmItem item_below(T& tree, Entry* entries, unsigned level,
                                             mem::VirtualAddress at, std::uint64_t rest) noexcept {
    const Place place = find_below(tree, entries, level, at);
    const Entry entry = T::load(place.slot);
    if (entry != 0) return VmItem{page_of(place.level, at), tree.format().decode_leaf(entry)};
    return VmItem{mem::VirtualRange(at, T::chunk(at, rest, place.level)), std::nullopt};
  }

  base::Result<void, MapError> check_size(std::uint64_t size) const noexcept {
    if (!base::is_aligned(size, mem::kPageSize)) return base::err(MapError::kUnaligned);
    if (size == 0) return base::err(MapError::kEmpty);
    if (size > remaining()) return base::err(MapError::kOutsideCursor);
    return {};
  }

  /// *Requires*: `at` lies in the range.
  [[gnu::always_inline]] Place find(mem::VirtualAddress at) const noexcept {
    if (guard_.level == 0) return {&guard_.entries[T::index(at, 0)], 0};
    return find_below(*tree_, guard_.entries, guard_.level, at);
  }
  [[gnu::noinline]] static Place find_below(T& tree, Entry* entries, unsigned level,
                                            mem::VirtualAddress at) noexcept {
    for (;; --level) {
      Entry* const slot = &entries[T::index(at, level)];
      if (level == 0) return {slot, 0};
      const Entry entry = T::load(slot);
      if (!tree.format().is_table(entry)) return {slot, level};
      entries = tree.table(tree.format().decode_table(entry));
    }
  }
  /// The first leaf of a part of the range, and where in that part.
  std::optional<Sought> seek(mem::VirtualAddress at, std::uint64_t size) const noexcept {
    while (size > 0) {
      Place place = find(at);
      // Along one table, until something is there or the table ends.
      constexpr std::size_t kLast = T::FormatType::kEntriesPerTable - 1;
      const Entry* const last = place.slot + (kLast - T::index(at, place.level));
      for (;; ++place.slot) {
        const Entry entry = T::load(place.slot);
        if (tree_->is_link(entry, place.level)) break;
        if (entry != 0) return Sought{at, place};
        const std::uint64_t part = T::chunk(at, size, place.level);
        at += part;
        size -= part;
        if (size == 0 || place.slot == last) break;
      }
    }
    return std::nullopt;
  }
  static mem::VirtualRange page_of(unsigned level, mem::VirtualAddress at) noexcept {
    const std::uint64_t bytes = T::page_bytes(level);
    return mem::VirtualRange(at.align_down(bytes), bytes);
  }
  /// Goes behind a page or a stretch that begins at or before the position.
  void skip(mem::VirtualRange range) noexcept {
    const std::uint64_t rest = range.size() - (at_ - range.start());
    at_ += rest < remaining() ? rest : remaining();
  }

  T* tree_;
  const mem::VirtualAddress start_;
  const std::uint64_t size_;
  mem::VirtualAddress at_;
  const typename T::Guard guard_;
};

}  // namespace quoll::paging
