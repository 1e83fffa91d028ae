// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What may be done with memory. Writable and executable at once cannot be expressed.
#pragma once

#include <cstdint>
#include <optional>

namespace quoll::mem {

/// One way to touch memory.
enum class Access : std::uint8_t { kRead = 1, kWrite = 2, kExecute = 4 };

/// A set of permissions that keeps W^X by construction: every value that exists is one of
/// none, r--, rw-, r-x, each for the kernel alone or for user mode.
class Permissions {
 public:
  constexpr Permissions() = default;

  static constexpr Permissions none() noexcept { return Permissions(0); }
  static constexpr Permissions read_only() noexcept { return Permissions(kReadBit); }
  static constexpr Permissions read_write() noexcept { return Permissions(kReadBit | kWriteBit); }
  static constexpr Permissions read_execute() noexcept {
    return Permissions(kReadBit | kExecuteBit);
  }

  /// From single bits (`Access` values or-ed together), as an ELF segment or a system call has
  /// them. Writing and executing implies reading; nothing when both of them are asked for, or
  /// when another bit is set.
  static constexpr std::optional<Permissions> from_access_bits(std::uint32_t access) noexcept {
    if ((access & ~std::uint32_t{kAccessMask}) != 0) return std::nullopt;
    if ((access & kWriteBit) != 0 && (access & kExecuteBit) != 0) return std::nullopt;
    if (access == 0) return none();
    return Permissions(static_cast<std::uint8_t>(access | kReadBit));
  }

  /// The same, reachable from user mode.
  constexpr Permissions for_user() const noexcept {
    return Permissions(static_cast<std::uint8_t>(bits_ | kUserBit));
  }
  /// The same, for the kernel alone.
  constexpr Permissions for_kernel() const noexcept {
    return Permissions(static_cast<std::uint8_t>(bits_ & kAccessMask));
  }
  /// The same without the permission to write.
  constexpr Permissions without_write() const noexcept {
    return Permissions(static_cast<std::uint8_t>(bits_ & ~kWriteBit));
  }

  constexpr bool allows(Access access) const noexcept {
    return (bits_ & static_cast<std::uint8_t>(access)) != 0;
  }
  constexpr bool can_read() const noexcept { return allows(Access::kRead); }
  constexpr bool can_write() const noexcept { return allows(Access::kWrite); }
  constexpr bool can_execute() const noexcept { return allows(Access::kExecute); }
  constexpr bool is_user() const noexcept { return (bits_ & kUserBit) != 0; }
  /// Whether nothing at all may be done.
  constexpr bool is_none() const noexcept { return (bits_ & kAccessMask) == 0; }
  /// Whether everything that `other` allows is allowed here too.
  constexpr bool includes(Permissions other) const noexcept { return (other.bits_ & ~bits_) == 0; }
  /// The `Access` values that are allowed, or-ed together.
  constexpr std::uint32_t access_bits() const noexcept { return bits_ & kAccessMask; }

  constexpr bool operator==(const Permissions&) const = default;

 private:
  static constexpr std::uint8_t kReadBit = 1;
  static constexpr std::uint8_t kWriteBit = 2;
  static constexpr std::uint8_t kExecuteBit = 4;
  static constexpr std::uint8_t kUserBit = 8;
  static constexpr std::uint8_t kAccessMask = kReadBit | kWriteBit | kExecuteBit;

  constexpr explicit Permissions(std::uint8_t bits) : bits_(bits) {}

  std::uint8_t bits_ = 0;
};

}  // namespace quoll::mem
