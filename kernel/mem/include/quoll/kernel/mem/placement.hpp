// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where a mapping shall go.
#pragma once

#include <bit>
#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// Where a mapping shall go. Alignments are powers of two, and at least the page size; whether one
/// is, is found out here, where it is mostly a constant.
class Placement {
 public:
  /// Exactly there.
  static constexpr Placement at(mem::VirtualAddress address) noexcept {
    return Placement(Kind::kFixed, address, mem::kPageSize);
  }
  /// Any of the aligned places that fit, as the space's dice fall; the lowest in a space that was
  /// made without a seed.
  static constexpr Placement anywhere(std::uint64_t alignment = mem::kPageSize) noexcept {
    return Placement(Kind::kAnywhere, mem::VirtualAddress(0), alignment);
  }
  /// The lowest aligned place that fits.
  static constexpr Placement lowest(std::uint64_t alignment = mem::kPageSize) noexcept {
    return Placement(Kind::kLowest, mem::VirtualAddress(0), alignment);
  }

  constexpr bool is_fixed() const noexcept { return kind_ == Kind::kFixed; }
  /// Whether one place is as good as another.
  constexpr bool is_anywhere() const noexcept { return kind_ == Kind::kAnywhere; }
  constexpr mem::VirtualAddress address() const noexcept { return address_; }
  /// Whether the alignment is one.
  constexpr bool is_valid() const noexcept { return alignment_shift_ != kNoShift; }
  /// The alignment's logarithm.
  constexpr std::uint8_t alignment_shift() const noexcept { return alignment_shift_; }

 private:
  enum class Kind : std::uint8_t { kFixed, kLowest, kAnywhere };
  static constexpr std::uint8_t kNoShift = 0xff;

  constexpr Placement(Kind kind, mem::VirtualAddress address, std::uint64_t alignment)
      : address_(address),
        alignment_shift_(std::has_single_bit(alignment) && alignment >= mem::kPageSize
                             ? static_cast<std::uint8_t>(std::countr_zero(alignment))
                             : kNoShift),
        kind_(kind) {}

  mem::VirtualAddress address_;
  std::uint8_t alignment_shift_;
  Kind kind_;
};

}  // namespace quoll::vm
