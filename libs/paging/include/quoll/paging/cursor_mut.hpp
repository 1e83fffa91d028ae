// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cursors that change. Every operation checks its whole request, takes the page tables that it
// needs, and then commits without refusal; one that is refused has changed nothing. An operation
// on the next `size` bytes leaves the cursor behind them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/cursor.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/mapping.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/removal.hpp>
#include <quoll/paging/reserve.hpp>
#include <quoll/paging/split.hpp>
#include <quoll/paging/vm_item.hpp>

namespace quoll::paging {

/// A cursor whose range can be changed. What it changes goes into the caller's flush token, and is
/// seen by other cursors of the range when this one has closed.
///
/// All operations have the errors of `find_next`; each tells of its own ones only.
template <typename T>
class CursorMut : public Cursor<T> {
  using Base = Cursor<T>;
  using Base::at_;
  using Base::check_size;
  using Base::find;
  using Base::guard_;
  using Base::seek;
  using Base::tree_;
  using typename Base::Entry;
  using typename Base::Held;
  using typename Base::Place;

 public:
  using Base::Base;
  [[gnu::always_inline]] CursorMut(CursorMut&&) noexcept = default;
  CursorMut& operator=(CursorMut&&) = delete;
  [[gnu::always_inline]] ~CursorMut() = default;

  /// Maps the next `size` bytes to physical memory from `to` on.
  /// *Errors*: `kPhysicalRange`, `kAlreadyMapped`, `kOutOfMemory`.
  [[gnu::always_inline]] base::Result<void, MapError> map(
      mem::PhysicalAddress to, std::uint64_t size, const Properties& properties, Flush& flush,
      LargePages large = LargePages::kForbidden) {
    TRY(check_size(size));
    if (!to.is_aligned(mem::kPageSize)) return base::err(MapError::kUnaligned);
    const mem::PhysicalAddress limit = tree_->format().physical_limit();
    if (to > limit || size > limit - to) return base::err(MapError::kPhysicalRange);
    if (guard_.level == 0 && size == mem::kPageSize) {
      TRY(map_granule(to, properties, flush));
    } else {
      const detail::Contiguous pages{to - mem::PhysicalAddress(at_.value()), properties, large};
      TRY(map_pages(*tree_, guard_.held(), at_, pages, size, flush));
    }
    at_ += size;
    return {};
  }

  /// Maps the next pages to the frames of a list.
  /// *Errors*: `kPhysicalRange`, `kAlreadyMapped`, `kOutOfMemory`.
  base::Result<void, MapError> map_frames(std::span<const mem::PhysicalAddress> frames,
                                          const Properties& properties, Flush& flush) {
    if (frames.size() > Base::remaining() >> mem::kPageShift) {
      return base::err(MapError::kOutsideCursor);
    }
    const std::uint64_t size = frames.size() << mem::kPageShift;
    TRY(check_size(size));
    const mem::PhysicalAddress last = tree_->format().physical_limit() - mem::kPageSize;
    for (const mem::PhysicalAddress frame : frames) {
      if (!frame.is_aligned(mem::kPageSize)) return base::err(MapError::kUnaligned);
      if (frame > last) return base::err(MapError::kPhysicalRange);
    }
    const detail::Scattered pages{frames.data(), at_, properties};
    TRY(map_pages(*tree_, guard_.held(), at_, pages, size, flush));
    at_ += size;
    return {};
  }

  /// Replaces the granule at the position by another one; the result is what was there.
  /// *Errors*: `kPhysicalRange`, `kNotMapped`, `kSplitsLargePage`.
  [[gnu::always_inline]] base::Result<Leaf, MapError> replace(mem::PhysicalAddress to,
                                                              const Properties& properties,
                                                              Flush& flush) {
    TRY(check_size(mem::kPageSize));
    if (!to.is_aligned(mem::kPageSize)) return base::err(MapError::kUnaligned);
    if (to >= tree_->format().physical_limit()) return base::err(MapError::kPhysicalRange);
    const Place place = find(at_);
    const Entry entry = T::load(place.slot);
    if (entry == 0) return base::err(MapError::kNotMapped);
    if (place.level != 0) return base::err(MapError::kSplitsLargePage);
    T::store(place.slot, tree_->format().encode_leaf(to, properties, 0));
    flush.include(granule(at_), FenceReach::kAll);
    at_ += mem::kPageSize;
    return tree_->format().decode_leaf(entry);
  }

  /// Takes every page out of the next `size` bytes, calling `removed(page, leaf, size)` for each.
  /// A large page that reaches beyond them is split. Page tables below the cursor's guard that
  /// are empty then are taken out too.
  /// *Errors*: `kOutOfMemory`, when a page must be split.
  template <typename Removed>
  [[gnu::always_inline]] base::Result<void, MapError> unmap(std::uint64_t size, Flush& flush,
                                                            Removed&& removed) {
    TRY(check_size(size));
    if (guard_.level == 0) {
      Entry* const slot = &guard_.entries[T::index(at_, 0)];
      guard_.record.remove_live(detail::clear_granules(*tree_, slot, at_, size, flush, removed));
    } else if (!T::is_vacant(guard_.entries, guard_.level, at_, size)) {
      TRY(unmap_below(*tree_, guard_, at_, size, flush, removed));
    }
    at_ += size;
    return {};
  }

  /// Takes out the tables below the cursor's guard that have no entries, and leaves pages alone.
  void prune(Flush& flush) {
    if (!tree_->reclaims()) return;
    detail::clear_empty_tables(*tree_, guard_.held(), Base::start_, Base::size_, flush);
  }
  /// What the cursor's guard covers, if the guard has no entries left and is not the root: a
  /// cursor with a guard above it can take it out.
  std::optional<mem::VirtualRange> emptied() const noexcept {
    if (!tree_->reclaims() || guard_.level == tree_->top()) return std::nullopt;
    if (guard_.record.live() != 0) return std::nullopt;
    const std::uint64_t bytes = T::page_bytes(guard_.level + 1);
    return mem::VirtualRange(Base::start_.align_down(bytes), bytes);
  }

  /// Gives every page in the next `size` bytes the properties that `properties_for(page, leaf)`
  /// says. A large page that reaches beyond them is split.
  /// *Errors*: `kOutOfMemory`, when a page must be split.
  template <typename PropertiesFor>
  base::Result<void, MapError> protect(std::uint64_t size, Flush& flush,
                                       PropertiesFor&& properties_for) {
    TRY(check_size(size));
    TRY(split_ends(*tree_, guard_, at_, size, flush));
    const auto change = [&](Entry* slot, unsigned level, mem::VirtualAddress page) {
      set_properties(slot, level, page, properties_for, flush);
    };
    detail::for_each_leaf(*tree_, guard_.held(), at_, size, change);
    at_ += size;
    return {};
  }

  /// Goes to the first page within `size` bytes of the position, gives it the properties that
  /// `properties_for(page, leaf)` says, and goes behind it. The result is what was there; when
  /// there is none, nothing, and the position is behind the `size` bytes. A large page that
  /// reaches beyond them, or that began before the position, is split.
  /// *Errors*: `kOutOfMemory`, when a page must be split.
  template <typename PropertiesFor>
  base::Result<std::optional<VmItem>, MapError> protect_next(std::uint64_t size, Flush& flush,
                                                             PropertiesFor&& properties_for) {
    TRY(check_size(size));
    const auto found = seek(at_, size);
    if (!found) {
      at_ += size;
      return std::optional<VmItem>();
    }
    const std::uint64_t rest = size - (found->at - at_);
    const mem::VirtualRange page = Base::page_of(found->place.level, found->at);
    const std::uint64_t in_page = page.size() - (found->at - page.start());
    TRY(split_ends(*tree_, guard_, found->at, rest < in_page ? rest : in_page, flush));
    const Place place = find(found->at);
    const VmItem before{Base::page_of(place.level, found->at),
                        tree_->format().decode_leaf(T::load(place.slot))};
    set_properties(place.slot, place.level, found->at, properties_for, flush);
    at_ = found->at + before.range.size();
    return std::optional(before);
  }

  /// Maps the next `size` bytes to what `source` has mapped in its next `size` bytes, and takes
  /// the permission to write from both. `shared(page, leaf, size)` is told of each page of the
  /// source before it has its second mapping, so that the frames get a further owner. Large pages
  /// of the source that reach beyond are split. Both cursors move on.
  /// *Errors*: `kAlreadyMapped`, `kOutOfMemory`.
  template <typename Shared>
  base::Result<void, MapError> copy_from(CursorMut& source, std::uint64_t size, Flush& flush,
                                         Flush& source_flush, Shared&& shared) {
    TRY(check_size(size));
    TRY(source.check_size(size));
    const std::uint64_t distance = at_ - source.at_;
    const std::uint64_t end = size - 1;
    // The part of a source's leaf in the range, as a request on this side.
    const auto request_for = [&](Entry* slot, unsigned level, mem::VirtualAddress page) {
      const Leaf leaf = source.tree_->format().decode_leaf(T::load(slot));
      Properties properties = leaf.properties;
      properties.permissions = properties.permissions.without_write();
      const mem::VirtualAddress first = page.align_down(T::page_bytes(level));
      return detail::Contiguous{leaf.address - mem::PhysicalAddress(first.value() + distance),
                                properties, LargePages::kAllowed};
    };
    const auto rest_of = [&](unsigned level, mem::VirtualAddress page) {
      const std::uint64_t left = end - (page - source.at_) + 1;
      return T::chunk(page, left, level);
    };

    base::Result<void, MapError> checked;
    detail::MissingTables<T> missing(*tree_);
    const auto check = [&](Entry* slot, unsigned level, mem::VirtualAddress page) {
      if (!checked) return;
      checked = missing.add(guard_.held(), page + distance, rest_of(level, page),
                            request_for(slot, level, page));
    };
    detail::for_each_leaf(*source.tree_, source.guard_.held(), source.at_, size, check);
    TRY(std::move(checked));
    Reserve<typename T::Memory> reserve(tree_->memory());
    if (!reserve.take(missing.count())) return base::err(MapError::kOutOfMemory);
    TRY(split_ends(*source.tree_, source.guard_, source.at_, size, source_flush));

    const auto copy = [&](Entry* slot, unsigned level, mem::VirtualAddress page) {
      const Leaf leaf = source.tree_->format().decode_leaf(T::load(slot));
      shared(page, leaf, T::page_bytes(level));
      const mem::VirtualAddress here = page + distance;
      const std::uint64_t bytes = T::page_bytes(level);
      detail::write_leaves(*tree_, guard_.held(), here, bytes, request_for(slot, level, page),
                           reserve);
      flush.include(mem::VirtualRange(here, bytes), FenceReach::kLocal);
      source.set_properties(
          slot, level, page,
          [](mem::VirtualAddress, const Leaf& shared_leaf) {
            Properties properties = shared_leaf.properties;
            properties.permissions = properties.permissions.without_write();
            return properties;
          },
          source_flush);
    };
    detail::for_each_leaf(*source.tree_, source.guard_.held(), source.at_, size, copy);
    at_ += size;
    source.at_ += size;
    return {};
  }

  /// Splits the page at the position until its size is `to`, or less as it was. Stays there.
  /// *Errors*: `kNoSuchPageSize`, `kNotMapped`, `kOutOfMemory`.
  base::Result<void, MapError> split(mem::PageSize to, Flush& flush) {
    const unsigned wanted = TRY(check_page_size(to));
    TRY(check_size(mem::kPageSize));
    Place place = find(at_);
    if (T::load(place.slot) == 0) return base::err(MapError::kNotMapped);
    if (place.level <= wanted) return {};
    Reserve<typename T::Memory> reserve(tree_->memory());
    if (!reserve.take(place.level - wanted)) return base::err(MapError::kOutOfMemory);
    for (; place.level > wanted; place = find(at_)) {
      detail::split_leaf(*tree_, place.slot, place.level, at_, reserve, flush);
    }
    return {};
  }

  /// Makes one page of the pages in the next bytes of that size, which follow one another in
  /// physical memory too and have the same properties. Goes behind it.
  /// *Errors*: `kNoSuchPageSize`, `kUnaligned`, `kNarrowCursor`, `kNotMapped` (the first page is
  /// missing), `kNotUniform`, `kKeepsTables`.
  base::Result<void, MapError> merge(mem::PageSize to, Flush& flush) {
    const unsigned level = TRY(check_page_size(to));
    const std::uint64_t size = mem::bytes(to);
    TRY(check_size(size));
    if (!at_.is_aligned(size)) return base::err(MapError::kUnaligned);
    if (level > guard_.level) return base::err(MapError::kNarrowCursor);
    const Place first = find(at_);
    const Entry entry = T::load(first.slot);
    if (entry == 0) return base::err(MapError::kNotMapped);
    if (first.level < level) {
      if (!tree_->reclaims()) return base::err(MapError::kKeepsTables);
      Entry* slot = slot_at(at_, level);
      const Held below{tree_->format().decode_table(T::load(slot)), level - 1};
      const Leaf leaf = tree_->format().decode_leaf(entry);
      if (!leaf.address.is_aligned(size) || !detail::is_uniform(*tree_, below, leaf)) {
        return base::err(MapError::kNotUniform);
      }
      T::store(slot, tree_->format().encode_leaf(leaf.address, leaf.properties, level));
      detail::retire_all(*tree_, below, flush);
      flush.include(mem::VirtualRange(at_, size), FenceReach::kAll);
    }
    at_ += size;
    return {};
  }

 private:
  base::Result<unsigned, MapError> check_page_size(mem::PageSize size) const noexcept {
    const auto level = T::level_of(size);
    if (!level || *level >= tree_->format().levels() || !tree_->format().may_be_leaf(*level)) {
      return base::err(MapError::kNoSuchPageSize);
    }
    return *level;
  }

  [[gnu::always_inline]] base::Result<void, MapError> map_granule(mem::PhysicalAddress to,
                                                                  const Properties& properties,
                                                                  Flush& flush) {
    Entry* const slot = &guard_.entries[T::index(at_, 0)];
    if (T::load(slot) != 0) return base::err(MapError::kAlreadyMapped);
    T::store(slot, tree_->format().encode_leaf(to, properties, 0));
    guard_.record.add_live(1);
    flush.include(granule(at_), FenceReach::kLocal);
    return {};
  }
  static mem::VirtualRange granule(mem::VirtualAddress at) noexcept { return Base::page_of(0, at); }

  // Functions of what a cursor is, and not of the cursor, so that it can stay in registers. For
  // the same reason no exception passes them, which would have to find the cursor in memory.

  template <typename Request>
  [[gnu::noinline]] static base::Result<void, MapError> map_pages(T& tree, Held held,
                                                                  mem::VirtualAddress at,
                                                                  const Request& request,
                                                                  std::uint64_t size,
                                                                  Flush& flush) noexcept {
    detail::MissingTables<T> missing(tree);
    TRY(missing.add(held, at, size, request));
    Reserve<typename T::Memory> reserve(tree.memory());
    if (!reserve.take(missing.count())) return base::err(MapError::kOutOfMemory);
    detail::write_leaves(tree, held, at, size, request, reserve);
    flush.include(mem::VirtualRange(at, size), FenceReach::kLocal);
    return {};
  }

  template <typename PropertiesFor>
  void set_properties(Entry* slot, unsigned level, mem::VirtualAddress page,
                      PropertiesFor&& properties_for, Flush& flush) {
    const Leaf before = tree_->format().decode_leaf(T::load(slot));
    const Properties after = properties_for(page, before);
    if (after == before.properties) return;
    T::store(slot, tree_->format().encode_leaf(before.address, after, level));
    const bool is_wider = after.permissions.includes(before.properties.permissions) &&
                          after.cache == before.properties.cache &&
                          after.scope == before.properties.scope;
    flush.include(mem::VirtualRange(page, T::page_bytes(level)),
                  is_wider ? FenceReach::kLocal : FenceReach::kAll);
  }

  template <typename Removed>
  [[gnu::noinline]] static base::Result<void, MapError> unmap_below(
      T& tree, typename T::Guard guard, mem::VirtualAddress at, std::uint64_t size, Flush& flush,
      Removed& removed) noexcept {
    TRY(split_ends(tree, guard, at, size, flush));
    detail::clear_leaves(tree, guard.held(), at, size, flush, removed);
    return {};
  }

  /// Splits the large pages that one end of a range cuts.
  static base::Result<void, MapError> split_ends(T& tree, const typename T::Guard& guard,
                                                 mem::VirtualAddress at, std::uint64_t size,
                                                 Flush& flush) {
    if (guard.level == 0) return {};
    const mem::VirtualAddress last = at + (size - mem::kPageSize);
    const Place low = Base::find_below(tree, guard.entries, guard.level, at);
    const Place high = Base::find_below(tree, guard.entries, guard.level, last);
    unsigned needed = T::load(low.slot) == 0 ? 0 : detail::splits_for<T>(low.level, at);
    const unsigned low_needed = needed;
    if (T::load(high.slot) != 0) {
      const unsigned more = detail::splits_for<T>(high.level, at + size);
      needed += more;
      // Both ends in one large page share tables as far as they are in one part of it.
      for (unsigned i = 0; low.slot == high.slot && i < low_needed && i < more; ++i) {
        const unsigned shift = T::shift(low.level - i);
        if (at.value() >> shift != last.value() >> shift) break;
        --needed;
      }
    }
    if (needed == 0) return {};
    Reserve<typename T::Memory> reserve(tree.memory());
    if (!reserve.take(needed)) return base::err(MapError::kOutOfMemory);
    split_until(tree, guard, at, at, reserve, flush);
    split_until(tree, guard, last, at + size, reserve, flush);
    return {};
  }

  /// Splits the page that has `inside` until `boundary` is not inside of one.
  static void split_until(T& tree, const typename T::Guard& guard, mem::VirtualAddress inside,
                          mem::VirtualAddress boundary, Reserve<typename T::Memory>& reserve,
                          Flush& flush) {
    for (;;) {
      const Place place = Base::find_below(tree, guard.entries, guard.level, inside);
      if (T::load(place.slot) == 0 || boundary.is_aligned(T::page_bytes(place.level))) return;
      detail::split_leaf(tree, place.slot, place.level, inside, reserve, flush);
    }
  }

  /// The entry of a level on the way to an address. *Requires*: it is at or below the guard.
  Entry* slot_at(mem::VirtualAddress at, unsigned level) const noexcept {
    Held here = guard_.held();
    while (here.level > level) {
      const Entry entry = T::load(&tree_->table(here.table)[T::index(at, here.level)]);
      here = {tree_->format().decode_table(entry), here.level - 1};
    }
    return &tree_->table(here.table)[T::index(at, level)];
  }
};

}  // namespace quoll::paging
