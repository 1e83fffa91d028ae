// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Addresses: physical and virtual ones are different types, and neither is an integer.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <optional>

#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>

namespace quoll::mem {

/// A 64-bit address of the kind that `Tag` names. Arithmetic wraps; `checked_add` says so instead.
template <typename Tag>
class Address {
 public:
  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t value) : value_(value) {}

  constexpr std::uint64_t value() const noexcept { return value_; }
  constexpr auto operator<=>(const Address&) const = default;

  constexpr Address operator+(std::uint64_t bytes) const noexcept {
    return Address(value_ + bytes);
  }
  constexpr Address operator-(std::uint64_t bytes) const noexcept {
    return Address(value_ - bytes);
  }
  /// The distance from `other`, modulo 2^64.
  constexpr std::uint64_t operator-(Address other) const noexcept { return value_ - other.value_; }
  constexpr Address& operator+=(std::uint64_t bytes) noexcept {
    value_ += bytes;
    return *this;
  }

  /// The address `bytes` further on, or nothing when that passes the end of the address space.
  constexpr std::optional<Address> checked_add(std::uint64_t bytes) const noexcept {
    const auto sum = base::checked_add(value_, bytes);
    if (!sum) return std::nullopt;
    return Address(*sum);
  }

  constexpr bool is_aligned(std::uint64_t alignment) const noexcept {
    return base::is_aligned(value_, alignment);
  }
  constexpr Address align_down(std::uint64_t alignment) const noexcept {
    return Address(base::align_down(value_, alignment));
  }
  /// The next multiple of `alignment`, or nothing when it does not fit.
  constexpr std::optional<Address> checked_align_up(std::uint64_t alignment) const noexcept {
    const auto up = base::checked_align_up(value_, alignment);
    if (!up) return std::nullopt;
    return Address(*up);
  }

 private:
  std::uint64_t value_ = 0;
};

/// Where something is on the memory bus.
using PhysicalAddress = Address<struct PhysicalAddressTag>;
/// Where something is in an address space.
using VirtualAddress = Address<struct VirtualAddressTag>;

/// The virtual address of an object of this program.
inline VirtualAddress address_of(const void* pointer) noexcept {
  return VirtualAddress(std::bit_cast<std::uintptr_t>(pointer));
}

/// The pointer with this address. Dereferencing it is the caller's responsibility.
inline void* to_pointer(VirtualAddress address) noexcept {
  return std::bit_cast<void*>(static_cast<std::uintptr_t>(address.value()));
}

}  // namespace quoll::mem
