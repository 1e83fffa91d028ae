// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where a mapping shall go.
#pragma once

#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// Where a mapping shall go.
class Placement {
 public:
  /// Exactly there.
  static constexpr Placement at(mem::VirtualAddress address) noexcept {
    return Placement(address, 0);
  }
  /// The lowest gap, aligned to a power of two that is at least the page size.
  static constexpr Placement anywhere(std::uint64_t alignment = mem::kPageSize) noexcept {
    return Placement(mem::VirtualAddress(0), alignment);
  }
  constexpr bool is_fixed() const noexcept { return alignment_ == 0; }
  constexpr mem::VirtualAddress address() const noexcept { return address_; }
  constexpr std::uint64_t alignment() const noexcept { return alignment_; }

 private:
  constexpr Placement(mem::VirtualAddress address, std::uint64_t alignment)
      : address_(address), alignment_(alignment) {}
  mem::VirtualAddress address_;
  std::uint64_t alignment_;
};

}  // namespace quoll::vm
