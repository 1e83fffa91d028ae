// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Size classes: which sizes objects are cut in, and which class serves a request.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// The sizes of small objects. A class aligns its objects to the largest power of two in its size.
struct SizeClasses {
  static constexpr std::size_t kGranule = 16;
  static constexpr std::size_t kLargest = 2048;
  static constexpr std::array<std::uint16_t, 13> kSizes{16,  32,  48,  64,   96,   128,     192,
                                                        256, 384, 512, 1024, 1360, kLargest};
  static constexpr std::size_t kCount = kSizes.size();

  /// Whether there is a class for `size` bytes. 0 is not among them: who wants that, asks for 1.
  static constexpr bool is_small(std::size_t size) noexcept { return size - 1 < kLargest; }
  /// The class for `size` bytes. *Requires*: `is_small(size)`.
  static constexpr std::size_t of(std::size_t size) noexcept {
    const std::size_t scaled = kOfGranules[(size - 1) / kGranule];
    __builtin_assume(scaled % kScale == 0);
    return scaled / kScale;
  }
  /// The same, aligned to `alignment`, a power of two. *Requires*: `is_small` of both.
  static constexpr std::size_t of(std::size_t size, std::size_t alignment) noexcept {
    return of(alignment <= kGranule ? size : std::bit_ceil(std::max(size, alignment)));
  }

  /// What tells whether a byte of a page is the first of an object: see `is_first_byte`.
  static constexpr std::uint32_t reciprocal(std::size_t class_index) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{1} << 32) / kSizes[class_index] +
                                      ((kSizes[class_index] & (kSizes[class_index] - 1)) != 0));
  }
  /// Whether `offset`, below the page size, is a multiple of the size whose reciprocal this is.
  /// The product's lower half is the fraction of the quotient, up to an error that is less than a
  /// granule's share for numbers this small. No offset is with a reciprocal of 0.
  static constexpr bool is_first_byte(std::uint32_t offset, std::uint32_t reciprocal) noexcept {
    return offset * reciprocal < reciprocal;
  }

 private:
  /// By the number of the granule that the last byte is in: the class, multiplied so that who has
  /// an array of things that large by class need not do it.
  static constexpr std::size_t kScale = 16;
  static constexpr std::array<std::uint8_t, kLargest / kGranule> kOfGranules = [] {
    std::array<std::uint8_t, kLargest / kGranule> classes{};
    std::uint8_t current = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      while (kSizes[current] <= i * kGranule) ++current;
      classes[i] = static_cast<std::uint8_t>(current * kScale);
    }
    return classes;
  }();
};

}  // namespace quoll::vm
