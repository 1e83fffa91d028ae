// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arithmetic on all the lanes of 8 or 16 bits in a word of 64 bits at once.
//
// Carries must not go from lane to lane: sums are formed without the lanes' top bits, which are
// added separately. A comparison leaves its result in the top bits, from where it is spread.
#pragma once

#include <cstdint>

#include <quoll/wasm/opcodes.hpp>

namespace quoll::wasm {

template <typename T>
struct Packed {
  using Word = std::uint64_t;
  static constexpr unsigned kBits = sizeof(T) * 8;
  /// The lowest and the highest bit of each lane.
  static constexpr Word kOnes = ~Word{0} / static_cast<T>(-1);
  static constexpr Word kTop = kOnes << (kBits - 1);
  static constexpr Word kRest = ~kTop;

  static constexpr Word add(Word a, Word b) {
    return ((a & kRest) + (b & kRest)) ^ ((a ^ b) & kTop);
  }
  static constexpr Word sub(Word a, Word b) { return ~add(~a, b); }
  /// All bits of the lanes whose top bit is set in `tops`, which has no others.
  static constexpr Word spread(Word tops) { return (tops << 1) - (tops >> (kBits - 1)); }
  static constexpr Word choose(Word mask, Word yes, Word no) { return no ^ ((yes ^ no) & mask); }

  // Comparisons, in the top bits.
  static constexpr Word differ(Word a, Word b) {
    const Word x = a ^ b;
    return (((x & kRest) + kRest) | x) & kTop;
  }
  static constexpr Word less_unsigned(Word a, Word b) {
    return choose(a ^ b, b, rest_less(a, b)) & kTop;
  }
  static constexpr Word less_signed(Word a, Word b) {
    return choose(a ^ b, a, rest_less(a, b)) & kTop;
  }

  static constexpr Word absolute(Word a) {
    const Word negative = a & kTop;
    return (a ^ spread(negative)) + (negative >> (kBits - 1));
  }
  /// The mean, rounded up.
  static constexpr Word average(Word a, Word b) { return (a | b) - (((a ^ b) >> 1) & kRest); }

  static constexpr Word add_saturated_unsigned(Word a, Word b) {
    const Word sum = add(a, b);
    return sum | spread(((a & b) | ((a | b) & ~sum)) & kTop);
  }
  static constexpr Word sub_saturated_unsigned(Word a, Word b) {
    const Word difference = sub(a, b);
    return difference & ~spread(choose(a ^ b, b, difference) & kTop);
  }
  static constexpr Word add_saturated_signed(Word a, Word b) {
    const Word sum = add(a, b);
    return choose(spread(~(a ^ b) & (a ^ sum) & kTop), bound_beside(a), sum);
  }
  static constexpr Word sub_saturated_signed(Word a, Word b) {
    const Word difference = sub(a, b);
    return choose(spread((a ^ b) & (a ^ difference) & kTop), bound_beside(a), difference);
  }

  static constexpr Word shift_left(Word a, unsigned n) { return (a << n) & all(T(T(-1) << n)); }
  static constexpr Word shift_right(Word a, unsigned n) { return (a >> n) & all(T(T(-1) >> n)); }
  static constexpr Word shift_right_signed(Word a, unsigned n) {
    const Word kept = all(T(T(-1) >> n));
    return ((a >> n) & kept) | (spread(a & kTop) & ~kept);
  }

  static constexpr Word count_ones(Word a) {
    static_assert(kBits == 8);
    constexpr Word kPairs = 0x5555555555555555u;
    constexpr Word kFours = 0x3333333333333333u;
    constexpr Word kEights = 0x0f0f0f0f0f0f0f0fu;
    a -= (a >> 1) & kPairs;
    a = (a & kFours) + ((a >> 2) & kFours);
    return (a + (a >> 4)) & kEights;
  }

  /// Whether no lane is zero.
  static constexpr bool all_true(Word a) { return differ(a, 0) == kTop; }
  /// The top bits side by side, that of the first lane lowest.
  static constexpr Word top_bits(Word a) {
    // Of the products that the factor's bits make with the lanes, those at the top are the ones
    // wanted, and no two meet below.
    constexpr unsigned kCount = 64 / kBits;
    constexpr Word kGather = [] {
      Word factor = 0;
      for (unsigned i = 0; i < kCount; ++i) factor |= Word{1} << (64 - kCount - (kBits - 1) * i);
      return factor;
    }();
    return ((a & kTop) >> (kBits - 1)) * kGather >> (64 - kCount) & ((1u << kCount) - 1);
  }

 private:
  static constexpr Word all(T lane) { return kOnes * lane; }
  /// In the top bits: whether a lane is less without its own.
  static constexpr Word rest_less(Word a, Word b) { return ~((a | kTop) - (b & kRest)); }
  /// The least number where a lane is negative, the greatest elsewhere.
  static constexpr Word bound_beside(Word a) { return kRest + ((a & kTop) >> (kBits - 1)); }
};

}  // namespace quoll::wasm
