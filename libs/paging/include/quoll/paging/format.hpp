// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The concept of a page-table format: pure functions between entries and their meaning. A format
// is a value, so that its number of levels can be chosen at boot.
#pragma once

#include <concepts>
#include <cstddef>

#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::paging {

/// Level 0 is the one whose leaves are granules; the root is level `levels() - 1`.
template <typename F>
concept Format =
    std::copyable<F> && std::unsigned_integral<typename F::Entry> &&
    requires(const F& format, typename F::Entry entry, unsigned level, mem::VirtualAddress address,
             mem::VirtualRange range, mem::PhysicalAddress physical, const Properties& properties) {
      /// Entries per page table, a power of two; and its logarithm.
      { F::kEntriesPerTable } -> std::convertible_to<std::size_t>;
      { F::kIndexBits } -> std::convertible_to<unsigned>;
      /// The most levels that any value of this format has.
      { F::kMaxLevels } -> std::convertible_to<unsigned>;
      /// How many levels this value has.
      { format.levels() } -> std::same_as<unsigned>;
      /// Whether a leaf may stand at this level.
      { format.may_be_leaf(level) } -> std::same_as<bool>;
      /// The halves of the address space; nothing else is canonical.
      { format.user_half() } -> std::same_as<mem::VirtualRange>;
      { format.kernel_half() } -> std::same_as<mem::VirtualRange>;
      /// Physical addresses that entries can hold.
      { format.physical_limit() } -> std::same_as<mem::PhysicalAddress>;

      /// What an entry found at `level` is. Zero is vacant, and nothing else is.
      { format.kind(entry, level) } -> std::same_as<EntryKind>;
      /// Whether an entry above level 0 is the next page table. Of an entry of ours it says what
      /// `kind` says, and costs less.
      { format.is_table(entry) } -> std::same_as<bool>;
      /// *Requires*: `physical` is aligned to the level's page size and below the
      /// limit. Accessed and dirty are preset: no fault will come for them.
      { format.encode_leaf(physical, properties, level) } -> std::same_as<typename F::Entry>;
      { format.decode_leaf(entry) } -> std::same_as<Leaf>;
      { format.encode_table(physical) } -> std::same_as<typename F::Entry>;
      { format.decode_table(entry) } -> std::same_as<mem::PhysicalAddress>;
    };

}  // namespace quoll::paging
