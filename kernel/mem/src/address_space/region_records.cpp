// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <new>

#include <quoll/kernel/mem/region_records.hpp>

namespace quoll::vm {

RegionRecords::~RegionRecords() {
  while (count_ > 0) delete kept_[--count_];
}

bool RegionRecords::fetch(unsigned count) noexcept {
  QUOLL_ASSERT(count <= kMost);
  while (count_ < count) {
    auto* region = new (std::nothrow) Region;
    if (region == nullptr) return false;
    kept_[count_++] = region;
  }
  return true;
}

void RegionRecords::give_unusual(Region& region) noexcept {
  if (count_ == kMost) {
    delete &region;
    return;
  }
  region.attachment = {};
  region.vmo = {};
  kept_[count_++] = &region;
}

}  // namespace quoll::vm
