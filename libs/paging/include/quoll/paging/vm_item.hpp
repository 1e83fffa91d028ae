// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What stands at a place of an address space: a page, or nothing.
#pragma once

#include <optional>

#include <quoll/mem/range.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::paging {

/// What a cursor finds where it stands.
struct VmItem {
  /// All of the page, also where it reaches beyond the cursor's range; or vacant addresses from
  /// the cursor's position on, as many as one look finds, never beyond the cursor's range.
  mem::VirtualRange range;
  /// The page's leaf; nothing when the addresses are vacant.
  std::optional<Leaf> leaf;

  constexpr bool is_mapped() const noexcept { return leaf.has_value(); }
  constexpr bool operator==(const VmItem&) const = default;
};

/// A translation as a query finds it.
struct Translation {
  Leaf leaf;               ///< of the whole page
  mem::VirtualRange page;  ///< what the leaf covers
};

}  // namespace quoll::paging
