// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: finding regions, and places for new ones.
#include <optional>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

base::Result<void, SpaceError> AddressSpace::check_range(mem::VirtualRange range) const noexcept {
  if (!range.is_page_aligned()) return base::err(SpaceError::kUnaligned);
  if (range.is_empty()) return base::err(SpaceError::kEmpty);
  if (!bounds_.contains(range)) return base::err(SpaceError::kOutOfRange);
  return {};
}

Region* AddressSpace::region_of(mem::VirtualAddress address) const noexcept {
  Region* region = regions_.find_not_above(address);
  return region != nullptr && region->range.contains(address) ? region : nullptr;
}

/// The regions that cover a range without a gap.
base::Result<AddressSpace::Selection, SpaceError> AddressSpace::select(mem::VirtualRange range,
                                                                       Span span) const {
  TRY(check_range(range));
  Region* const first = region_of(range.start());
  if (first == nullptr) return base::err(SpaceError::kNotMapped);
  Region* last = first;
  while (last->range.end() < range.end()) {
    Region* next = RegionTree::next(*last);
    if (next == nullptr || next->range.start() != last->range.end() ||
        (span == Span::kOneMapping && next->mapping != first->mapping)) {
      return base::err(SpaceError::kNotMapped);
    }
    last = next;
  }
  return Selection{first, last};
}

bool AddressSpace::is_free(mem::VirtualRange range) const noexcept {
  const auto [before, after] = regions_.around(range.start());
  return (before == nullptr || before->range.end() <= range.start()) &&
         (after == nullptr || range.end() <= after->range.start());
}

/// One of the places between two addresses, as the dice fall. Each throw chooses among all places,
/// free or not; the first that is free is taken, and so each of them is as likely as another. Where
/// a share p of the places is free, that ends within `kThrows` with the probability
/// 1 - (1 - p)^kThrows. A space that is so crowded that it does not: the gap above the last throw,
/// or else the lowest, and any place in it.
std::optional<mem::VirtualAddress> AddressSpace::throw_for(Wanted wanted,
                                                           mem::VirtualRange window) noexcept {
  constexpr unsigned kThrows = 8;
  const auto pick = [&](const Places& places) QUOLL_NO_THREAD_SAFETY_ANALYSIS {
    return places.first + (dice_.below(places.count) << wanted.alignment_shift);
  };
  const Places all = places_between(window.start(), window.end(), wanted);
  if (all.count == 0) return std::nullopt;
  mem::VirtualAddress start;
  for (unsigned i = 0; i < kThrows; ++i) {
    start = pick(all);
    if (is_free(mem::VirtualRange(start, wanted.size))) return start;
  }
  auto places = find_gap(regions_, mem::VirtualRange(start, window.end() - start), wanted);
  if (!places) places = find_gap(regions_, window, wanted);
  if (!places) return std::nullopt;
  return pick(*places);
}

base::Result<mem::VirtualAddress, SpaceError> AddressSpace::place_randomly(
    Placement where, std::uint64_t size) noexcept {
  const Wanted wanted{size, where.alignment_shift()};
  for (;; where = where.wider()) {
    const mem::VirtualRange window = where.window(bounds_, size);
    if (const auto start = throw_for(wanted, window)) return *start;
    if (window == bounds_) return base::err(SpaceError::kNoRoom);
  }
}

/// The same for a fixed place, and for one that is thrown for.
base::Result<mem::VirtualAddress, SpaceError> AddressSpace::place_unusual(Placement where,
                                                                          std::uint64_t size) {
  if (!where.is_fixed()) return place_randomly(where, size);
  const auto range = mem::VirtualRange::create(where.address(), size);
  if (!range) return base::err(SpaceError::kOutOfRange);
  TRY(check_range(*range));
  if (!is_free(*range)) return base::err(SpaceError::kOverlap);
  return where.address();
}

}  // namespace quoll::vm
