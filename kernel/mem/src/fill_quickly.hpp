// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The first touch of a page of zeros whose page table is there.
#pragma once

#include <quoll/kernel/mem/address_space.hpp>

#include "frame_alloc/zero.hpp"

namespace quoll::vm {

/// What most faults need, inline and in registers. Anything else, a refusal included, is left to
/// others.
inline bool AddressSpace::fill_quickly(const Region& region, mem::VirtualAddress page) noexcept {
  if (region.permissions.can_execute()) [[unlikely]]
    return false;
  auto entry = tables().page_mut(page);
  if (!entry->can_fill()) return false;
  auto frame = kernel_.frames().allocate(FrameUse::kGuest);
  if (!frame) [[unlikely]]
    return false;
  const mem::PhysicalAddress own = frame->leak();
  fill_with_zeros(kernel_.phys_map().pointer(own));
  entry->fill(own, {region.permissions});
  ++usage_.resident_pages;
  return true;
}

}  // namespace quoll::vm
