// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: regions are cut where an operation begins and ends, and joined when they have
// become alike.
#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>

namespace quoll::vm {
namespace {

/// Regions of one mapping have the same VMO, if any, and are as far apart in it as in the space.
bool can_merge(const Region& low, const Region& high) noexcept {
  return low.range.end() == high.range.start() && low.mapping == high.mapping &&
         low.permissions == high.permissions && low.backing == high.backing;
}

}  // namespace

/// Records of regions are the kernel's memory, and guests can ask for many.
base::Result<void, SpaceError> AddressSpace::allocate_records(unsigned count) {
  if (!kernel_.frames().has_frame(FrameUse::kGuest) || !records_.fetch(count)) {
    return base::err(SpaceError::kOutOfMemory);
  }
  return {};
}

/// Takes what `isolate` will need.
base::Result<void, SpaceError> AddressSpace::reserve_cuts(mem::VirtualRange range,
                                                          const Selection& regions) {
  unsigned cuts = regions.first->range.start() != range.start() ? 1 : 0;
  if (regions.last->range.end() != range.end()) ++cuts;
  if (cuts == 0) return {};
  if (cuts > limits_.regions - usage_.regions) return base::err(SpaceError::kLimit);
  return fetch_records(cuts);
}

/// Cuts one region in two; the result is the upper part.
Region* AddressSpace::cut(Region& region, mem::VirtualAddress at) {
  Region& upper = records_.take();
  const std::uint64_t below = at - region.range.start();
  upper = region;
  upper.range = mem::VirtualRange(at, region.range.size() - below);
  if (upper.vmo) upper.vmo_offset += below;
  region.range = mem::VirtualRange(region.range.start(), below);
  regions_.update(region);
  regions_.insert(upper);
  ++usage_.regions;
  return &upper;
}

/// Cuts regions so that the first one begins with the range, and the last one ends with it.
AddressSpace::Selection AddressSpace::isolate(mem::VirtualRange range, Selection regions) {
  if (regions.first->range.start() != range.start()) {
    Region* const upper = cut(*regions.first, range.start());
    if (regions.last == regions.first) regions.last = upper;
    regions.first = upper;
  }
  if (regions.last->range.end() != range.end()) cut(*regions.last, range.end());
  return regions;
}

/// Joins what has become alike, from the neighbour before to the one behind.
void AddressSpace::merge_around(const Selection& regions) {
  const mem::VirtualAddress end = regions.last->range.end();
  Region* low = RegionTree::previous(*regions.first);
  if (low == nullptr) low = regions.first;
  while (low->range.start() < end) {
    Region* const high = RegionTree::next(*low);
    if (high == nullptr) return;
    if (!can_merge(*low, *high)) {
      low = high;
      continue;
    }
    regions_.erase(*high);
    low->range = mem::VirtualRange(low->range.start(), low->range.size() + high->range.size());
    low->touched |= high->touched;
    regions_.update(*low);
    --usage_.regions;
    if (recent_ == high) recent_ = low;
    records_.give(*high);
  }
}

}  // namespace quoll::vm
