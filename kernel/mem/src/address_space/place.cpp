// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: finding regions, and places for new ones.
#include <bit>

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

base::Result<void, SpaceError> AddressSpace::check_free(mem::VirtualRange range) const {
  const auto [before, after] = regions_.around(range.start());
  if ((before != nullptr && before->range.end() > range.start()) ||
      (after != nullptr && after->range.start() < range.end())) {
    return base::err(SpaceError::kOverlap);
  }
  return {};
}

base::Result<mem::VirtualAddress, SpaceError> AddressSpace::place(Placement where,
                                                                  std::uint64_t size) const {
  if (size == 0) return base::err(SpaceError::kEmpty);
  if (!base::is_aligned(size, mem::kPageSize)) return base::err(SpaceError::kUnaligned);
  if (where.is_fixed()) {
    const auto range = mem::VirtualRange::create(where.address(), size);
    if (!range) return base::err(SpaceError::kOutOfRange);
    TRY(check_range(*range));
    TRY(check_free(*range));
    return where.address();
  }
  if (!std::has_single_bit(where.alignment()) || where.alignment() < mem::kPageSize) {
    return base::err(SpaceError::kUnaligned);
  }
  const auto start = find_gap(regions_, bounds_, size, where.alignment());
  if (!start) return base::err(SpaceError::kNoRoom);
  return *start;
}

}  // namespace quoll::vm
