// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The physical map: a window of the address space through which all of RAM can be reached.
#pragma once

#include <bit>
#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::mem {

/// Turns physical addresses into pointers and back, by a constant offset. The range may contain
/// holes that are not RAM; nobody asks for those.
class PhysMap {
 public:
  constexpr PhysMap() = default;
  /// `base` is where the first byte of `physical` appears.
  constexpr PhysMap(VirtualAddress base, PhysicalRange physical)
      : offset_(base.value() - physical.start().value()), physical_(physical) {}

  constexpr PhysicalRange physical_range() const noexcept { return physical_; }
  constexpr VirtualRange virtual_range() const noexcept {
    return VirtualRange(to_virtual(physical_.start()), physical_.size());
  }
  constexpr VirtualAddress to_virtual(PhysicalAddress address) const noexcept {
    return VirtualAddress(address.value() + offset_);
  }
  constexpr PhysicalAddress to_physical(VirtualAddress address) const noexcept {
    return PhysicalAddress(address.value() - offset_);
  }

  /// The object at a physical address.
  /// *Requires*: it lies in the map and is suitably aligned RAM that the caller owns.
  template <typename T = void>
  T* pointer(PhysicalAddress address) const noexcept {
    QUOLL_DEBUG_ASSERT(physical_.contains(address));
    return static_cast<T*>(to_pointer(to_virtual(address)));
  }
  /// The physical address behind a pointer into the map.
  PhysicalAddress physical(const void* pointer) const noexcept {
    return to_physical(address_of(pointer));
  }

 private:
  std::uint64_t offset_ = 0;
  PhysicalRange physical_;
};

}  // namespace quoll::mem
