// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Floating point by the letter: rounding to integers, minimum and maximum, bounds of conversions.
//
// Everything is arithmetic on one value, without calls and without a rounding mode other than the
// default, so that handlers stay leaves on machines that lack rounding instructions.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace quoll::wasm::floats {

template <typename F>
using Bits = std::conditional_t<sizeof(F) == 8, std::uint64_t, std::uint32_t>;

/// From here on every number is an integer.
template <typename F>
inline constexpr F kAllIntegers = sizeof(F) == 8 ? F(4503599627370496.0) : F(8388608.0);

template <typename F>
[[gnu::always_inline]] inline F magnitude(F x) {
  constexpr Bits<F> kSign = Bits<F>{1} << (sizeof(F) * 8 - 1);
  return std::bit_cast<F>(static_cast<Bits<F>>(std::bit_cast<Bits<F>>(x) & ~kSign));
}
template <typename F>
[[gnu::always_inline]] inline F with_sign_of(F x, F sign) {
  constexpr Bits<F> kSign = Bits<F>{1} << (sizeof(F) * 8 - 1);
  return std::bit_cast<F>(static_cast<Bits<F>>((std::bit_cast<Bits<F>>(x) & ~kSign) |
                                               (std::bit_cast<Bits<F>>(sign) & kSign)));
}

template <typename F>
[[gnu::always_inline]] inline F negate(F x) {
  constexpr Bits<F> kSign = Bits<F>{1} << (sizeof(F) * 8 - 1);
  return std::bit_cast<F>(static_cast<Bits<F>>(std::bit_cast<Bits<F>>(x) ^ kSign));
}

/// A NaN as arithmetic would give it back: the compiler may leave out an addition of zero.
template <typename F>
[[gnu::always_inline]] inline F quieted(F nan) {
  constexpr Bits<F> kQuiet = Bits<F>{1} << (sizeof(F) == 8 ? 51 : 22);
  return std::bit_cast<F>(static_cast<Bits<F>>(std::bit_cast<Bits<F>>(nan) | kQuiet));
}

/// Rounds with `round`, which sees only numbers that fit a signed integer of the same width; a
/// NaN becomes quiet, and the sign of a zero is that of the operand.
template <typename F, typename Round>
[[gnu::always_inline]] inline F rounded(F x, Round round) {
  if (!(magnitude(x) < kAllIntegers<F>)) return x == x ? x : quieted(x);
  return with_sign_of<F>(round(x), x);
}
template <typename F>
[[gnu::always_inline]] inline F toward_zero(F x) {
  using Integer = std::make_signed_t<Bits<F>>;
  return static_cast<F>(static_cast<Integer>(x));
}

template <typename F>
[[gnu::always_inline]] inline F trunc(F x) {
  return rounded(x, [](F v) { return toward_zero(v); });
}
template <typename F>
[[gnu::always_inline]] inline F ceil(F x) {
  return rounded(x, [](F v) {
    const F t = toward_zero(v);
    return t < v ? t + F(1) : t;
  });
}
template <typename F>
[[gnu::always_inline]] inline F floor(F x) {
  return rounded(x, [](F v) {
    const F t = toward_zero(v);
    return t > v ? t - F(1) : t;
  });
}
/// To nearest, ties to even: adding the bound pushes the fraction out.
template <typename F>
[[gnu::always_inline]] inline F nearest(F x) {
  return rounded(x, [](F v) {
    const F m = magnitude(v);
    return (m + kAllIntegers<F>)-kAllIntegers<F>;
  });
}

template <typename F>
[[gnu::always_inline]] inline F minimum(F a, F b) {
  if (a < b) return a;
  if (b < a) return b;
  if (a == b) return std::bit_cast<F>(std::bit_cast<Bits<F>>(a) | std::bit_cast<Bits<F>>(b));
  return a + b;
}
template <typename F>
[[gnu::always_inline]] inline F maximum(F a, F b) {
  if (a > b) return a;
  if (b > a) return b;
  if (a == b) return std::bit_cast<F>(std::bit_cast<Bits<F>>(a) & std::bit_cast<Bits<F>>(b));
  return a + b;
}

/// The open interval of numbers whose integer part fits `I`.
template <typename F, typename I>
struct Range {
  static constexpr int kIntegerBits = std::numeric_limits<I>::digits;
  static constexpr F power(int exponent) {
    F value = F(1);
    for (int i = 0; i < exponent; ++i) value *= F(2);
    return value;
  }
  static constexpr F kAbove = power(kIntegerBits);
  /// Whether the number below the least integer can be told from it.
  static constexpr bool kExact = std::numeric_limits<F>::digits > kIntegerBits;

  [[gnu::always_inline]] static bool contains(F x) {
    if constexpr (std::is_unsigned_v<I>) {
      return x > F(-1) && x < kAbove;
    } else if constexpr (kExact) {
      return x > -kAbove - F(1) && x < kAbove;
    } else {
      return x >= -kAbove && x < kAbove;
    }
  }
};

/// As `contains` demands elsewhere, but every number has a result.
template <typename I, typename F>
[[gnu::always_inline]] inline I saturate(F x) {
  if (Range<F, I>::contains(x)) return static_cast<I>(x);
  if (x != x) return 0;
  return x < F(0) ? std::numeric_limits<I>::min() : std::numeric_limits<I>::max();
}

}  // namespace quoll::wasm::floats
