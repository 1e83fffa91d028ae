// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arithmetic on values that came from outside: it says when it overflows.
#pragma once

#include <concepts>
#include <optional>

namespace quoll::base {

/// `a + b`, or nothing when the sum does not fit.
template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) noexcept {
  T out{};
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// `a - b`, or nothing when the difference does not fit.
template <std::integral T>
constexpr std::optional<T> checked_sub(T a, T b) noexcept {
  T out{};
  if (__builtin_sub_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// `a * b`, or nothing when the product does not fit.
template <std::integral T>
constexpr std::optional<T> checked_mul(T a, T b) noexcept {
  T out{};
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

/// Whether `[offset, offset + length)` lies within `[0, size)`. Never overflows.
template <std::unsigned_integral T>
constexpr bool fits_within(T offset, T length, T size) noexcept {
  return offset <= size && length <= size - offset;
}

}  // namespace quoll::base
