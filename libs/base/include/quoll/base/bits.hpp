// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Bits: powers of two, alignment, fields, byte order.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include <quoll/base/checked.hpp>

namespace quoll::base {

/// Whether `value` is a multiple of `alignment`, a power of two.
template <std::unsigned_integral T>
constexpr bool is_aligned(T value, std::type_identity_t<T> alignment) noexcept {
  return (value & (alignment - 1)) == 0;
}

/// The largest multiple of `alignment` (a power of two) that is not above `value`.
template <std::unsigned_integral T>
constexpr T align_down(T value, std::type_identity_t<T> alignment) noexcept {
  return value & ~(alignment - 1);
}

/// The smallest multiple of `alignment` (a power of two) that is not below `value`.
/// *Requires*: it fits; `checked_align_up` otherwise.
template <std::unsigned_integral T>
constexpr T align_up(T value, std::type_identity_t<T> alignment) noexcept {
  return align_down(static_cast<T>(value + (alignment - 1)), alignment);
}

/// As `align_up`, or nothing when the result does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_align_up(T value, std::type_identity_t<T> alignment) noexcept {
  const auto sum = checked_add<T>(value, alignment - 1);
  if (!sum) return std::nullopt;
  return align_down(*sum, alignment);
}

/// How many units of `unit` cover `value`. Never overflows.
template <std::unsigned_integral T>
constexpr T div_ceil(T value, std::type_identity_t<T> unit) noexcept {
  return value / unit + (value % unit != 0 ? 1 : 0);
}

/// The bits `[Low, Low + Width)` of `value`, shifted down.
template <unsigned Low, unsigned Width, std::unsigned_integral T>
constexpr T extract_bits(T value) noexcept {
  static_assert(Width > 0 && Low + Width <= sizeof(T) * 8);
  if constexpr (Width == sizeof(T) * 8) {
    return value;
  } else {
    return static_cast<T>((value >> Low) & ((T{1} << Width) - 1));
  }
}

/// Reads a little-endian integer from unaligned memory.
template <std::integral T>
T load_le(const void* from) noexcept {
  static_assert(std::endian::native == std::endian::little);
  T out;
  __builtin_memcpy(&out, from, sizeof(T));
  return out;
}

/// Writes a little-endian integer to unaligned memory.
template <std::integral T>
void store_le(void* to, std::type_identity_t<T> value) noexcept {
  static_assert(std::endian::native == std::endian::little);
  __builtin_memcpy(to, &value, sizeof(T));
}

/// Reads a big-endian integer from unaligned memory (device trees are big-endian).
template <std::unsigned_integral T>
constexpr T load_be(const unsigned char* from) noexcept {
  T out{};
  for (std::size_t i = 0; i < sizeof(T); ++i) out = static_cast<T>((out << 8) | from[i]);
  return out;
}

}  // namespace quoll::base
