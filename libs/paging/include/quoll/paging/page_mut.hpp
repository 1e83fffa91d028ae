// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One page that can be looked at and changed: what resolves a page fault.
#pragma once

#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/paging/cursor_mut.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/flush.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/paging/vm_item.hpp>

namespace quoll::paging {

/// A cursor over a single granule, which is locked while this lives. It does not move.
/// *Locking*: as a cursor's. *Context*: task.
template <typename T>
class PageMut : private CursorMut<T> {
  using Base = CursorMut<T>;

 public:
  /// Over a page that is locked; `PageTable::page_mut` opens it.
  using Base::Base;
  [[gnu::always_inline]] PageMut(PageMut&&) noexcept = default;
  PageMut& operator=(PageMut&&) = delete;
  [[gnu::always_inline]] ~PageMut() = default;

  /// What stands there: vacant, a granule, or a large page that the granule is part of.
  [[gnu::always_inline]] VmItem query() const noexcept { return Base::item(); }

  /// Whether the page is vacant, in a table that has an entry for it alone: `fill` can map it.
  [[gnu::always_inline]] bool can_fill() const noexcept {
    return Cursor<T>::guard_.level == 0 && T::load(slot()) == 0;
  }
  /// As `map`, for a page that `can_fill`, by an owner that keeps to the rules and for whom a hart
  /// that remembers the vacant page faults once more: there is nothing to refuse or to flush.
  [[gnu::always_inline]] void fill(mem::PhysicalAddress to, const Properties& properties) noexcept {
    QUOLL_DEBUG_ASSERT(can_fill() && to.is_aligned(mem::kPageSize) &&
                       to < Cursor<T>::tree_->format().physical_limit());
    T::store(slot(), Cursor<T>::tree_->format().encode_leaf(to, properties, 0));
    Cursor<T>::guard_.record.add_live(1);
  }

  /// Maps the page, where nothing is.
  /// *Errors*: `kUnaligned`, `kPhysicalRange`, `kAlreadyMapped`, `kOutOfMemory`.
  [[gnu::always_inline]] base::Result<void, MapError> map(mem::PhysicalAddress to,
                                                          const Properties& properties,
                                                          Flush& flush) {
    TRY(Base::map(to, mem::kPageSize, properties, flush));
    Cursor<T>::at_ = Cursor<T>::start_;
    return {};
  }
  /// Replaces the granule; the result is what was there.
  /// *Errors*: `kUnaligned`, `kPhysicalRange`, `kNotMapped`, `kSplitsLargePage`.
  [[gnu::always_inline]] base::Result<Leaf, MapError> replace(mem::PhysicalAddress to,
                                                              const Properties& properties,
                                                              Flush& flush) {
    const Leaf before = TRY(Base::replace(to, properties, flush));
    Cursor<T>::at_ = Cursor<T>::start_;
    return before;
  }

 private:
  /// *Requires*: the guard is a table of granules.
  auto* slot() const noexcept { return &Cursor<T>::guard_.entries[T::index(Cursor<T>::start_, 0)]; }
};

}  // namespace quoll::paging
