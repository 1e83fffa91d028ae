// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where a mapping shall go.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>

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
  /// As `anywhere`, but begins in the window around an address while there is room: the aligned
  /// stretch of that many bytes; else in the 512 times larger one around that, and so on. What
  /// begins together shares the upper levels of its page tables.
  /// *Requires*: the window is a power of two, and at least the page size.
  static constexpr Placement near(mem::VirtualAddress address, std::uint64_t window,
                                  std::uint64_t alignment = mem::kPageSize) noexcept {
    Placement out(Kind::kNear, address, alignment);
    out.window_shift_ = static_cast<std::uint8_t>(std::countr_zero(window));
    return out;
  }
  /// The lowest aligned place that fits.
  static constexpr Placement lowest(std::uint64_t alignment = mem::kPageSize) noexcept {
    return Placement(Kind::kLowest, mem::VirtualAddress(0), alignment);
  }

  constexpr bool is_fixed() const noexcept { return kind_ == Kind::kFixed; }
  /// Whether one place is as good as another.
  constexpr bool is_anywhere() const noexcept { return kind_ >= Kind::kAnywhere; }
  constexpr mem::VirtualAddress address() const noexcept { return address_; }
  /// The part of `all` that something of so many bytes may take so as to begin in the window.
  constexpr mem::VirtualRange window(mem::VirtualRange all, std::uint64_t bytes) const noexcept {
    if (kind_ != Kind::kNear) return all;
    const std::uint64_t size = std::uint64_t{1} << window_shift_;
    const mem::VirtualAddress start = std::max(address_.align_down(size), all.start());
    if (start >= all.end()) return all;
    const std::uint64_t rest = size - (start.value() & (size - 1));
    const std::uint64_t behind = all.end() - start;
    if (rest >= behind || bytes >= behind - rest) return mem::VirtualRange(start, behind);
    return mem::VirtualRange(start, rest - mem::kPageSize + bytes);
  }
  /// The same with what one page table more reaches; `anywhere` when that is all there is.
  constexpr Placement wider() const noexcept {
    Placement out = *this;
    out.window_shift_ += kLevelShift;
    if (out.window_shift_ >= kAddressBits) out.kind_ = Kind::kAnywhere;
    return out;
  }
  /// Whether the alignment is one.
  constexpr bool is_valid() const noexcept { return alignment_shift_ != kNoShift; }
  /// The alignment's logarithm.
  constexpr std::uint8_t alignment_shift() const noexcept { return alignment_shift_; }

 private:
  enum class Kind : std::uint8_t { kFixed, kLowest, kAnywhere, kNear };
  static constexpr std::uint8_t kNoShift = 0xff;
  /// One page table has 512 entries, in each of the modes.
  static constexpr std::uint8_t kLevelShift = 9;
  static constexpr std::uint8_t kAddressBits = 64;

  constexpr Placement(Kind kind, mem::VirtualAddress address, std::uint64_t alignment)
      : address_(address),
        alignment_shift_(std::has_single_bit(alignment) && alignment >= mem::kPageSize
                             ? static_cast<std::uint8_t>(std::countr_zero(alignment))
                             : kNoShift),
        kind_(kind) {}

  mem::VirtualAddress address_;
  std::uint8_t alignment_shift_;
  std::uint8_t window_shift_ = 0;
  Kind kind_;
};

}  // namespace quoll::vm
