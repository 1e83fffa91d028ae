// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One page that can be looked at and changed: what resolves a page fault.
#pragma once

#include <optional>

#include <quoll/base/assert.hpp>
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
class PageMut {
 public:
  /// Opens it; `PageTable::page_mut` does, after it has checked the page.
  explicit PageMut(CursorMut<T> cursor) noexcept : cursor_(std::move(cursor)) {}

  /// What stands there: vacant, a granule, or a large page that the granule is part of.
  VmItem query() const noexcept { return *cursor_.query(); }

  /// Maps the page, where nothing is.
  /// *Errors*: `kUnaligned`, `kPhysicalRange`, `kAlreadyMapped`, `kOutOfMemory`.
  base::Result<void, MapError> map(mem::PhysicalAddress to, const Properties& properties,
                                   Flush& flush) {
    TRY(cursor_.map(to, mem::kPageSize, properties, flush));
    return cursor_.jump(cursor_.range().start());
  }
  /// Replaces the granule; the result is what was there.
  /// *Errors*: `kUnaligned`, `kPhysicalRange`, `kNotMapped`, `kSplitsLargePage`.
  base::Result<Leaf, MapError> replace(mem::PhysicalAddress to, const Properties& properties,
                                       Flush& flush) {
    const Leaf before = TRY(cursor_.replace(to, properties, flush));
    TRY(cursor_.jump(cursor_.range().start()));
    return before;
  }

 private:
  CursorMut<T> cursor_;
};

}  // namespace quoll::paging
