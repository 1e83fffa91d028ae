// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why a request on page tables was refused. Each enumerator names the rule that it broke.
#pragma once

#include <cstdint>

namespace quoll::paging {

/// The rule that a refused request broke. Nothing has changed then, and no cursor has moved.
enum class MapError : std::uint8_t {
  kUnaligned,        ///< an address or a size is not a multiple of the page size that it must have
  kEmpty,            ///< the range is empty
  kOverflow,         ///< the range passes the end of the address space
  kNotCanonical,     ///< the range does not lie in one half of the address space
  kSharedHalf,       ///< the range lies in the half that another tree of page tables owns
  kPhysicalRange,    ///< no entry can hold these physical addresses
  kOutsideCursor,    ///< the range is not inside the cursor's
  kAlreadyMapped,    ///< a page of the range has an entry
  kNotMapped,        ///< a page that must have an entry has none
  kSplitsLargePage,  ///< the page is part of a larger one, which must be split first
  kNotUniform,       ///< the pages do not make up one large page
  kNoSuchPageSize,   ///< no leaf of that size exists
  kNarrowCursor,     ///< the entry that must change is above the page tables that the cursor holds
  kKeepsTables,      ///< page tables of this tree are never taken out
  kOutOfMemory,      ///< no memory for a page table
};

}  // namespace quoll::paging
