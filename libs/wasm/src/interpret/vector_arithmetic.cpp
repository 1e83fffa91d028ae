// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arithmetic on vectors whose operands and results have the same lanes.
#include <limits>

#include "interpret/floats.hpp"
#include "interpret/packed.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op, typename T>
[[gnu::always_inline]] inline T lane_result(T a) {
  if constexpr (Op == Operation::kAbs) {
    if constexpr (std::is_floating_point_v<T>) {
      return floats::magnitude(a);
    } else {
      return static_cast<std::make_signed_t<T>>(a) < 0 ? T(0) - a : a;
    }
  } else if constexpr (Op == Operation::kNeg) {
    if constexpr (std::is_floating_point_v<T>) {
      return floats::negate(a);
    } else {
      return T(0) - a;
    }
  } else if constexpr (Op == Operation::kCeil) {
    return floats::ceil(a);
  } else if constexpr (Op == Operation::kFloor) {
    return floats::floor(a);
  } else if constexpr (Op == Operation::kTrunc) {
    return floats::trunc(a);
  } else if constexpr (Op == Operation::kNearest) {
    return floats::nearest(a);
  } else {
    static_assert(Op == Operation::kSqrt);
    if constexpr (sizeof(T) == 8) {
      return __builtin_sqrt(a);
    } else {
      return __builtin_sqrtf(a);
    }
  }
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline T float_result(T a, T b) {
  if constexpr (Op == Operation::kDiv) {
    return a / b;
  } else if constexpr (Op == Operation::kMin) {
    return floats::minimum(a, b);
  } else if constexpr (Op == Operation::kMax) {
    return floats::maximum(a, b);
  } else if constexpr (Op == Operation::kPmin) {
    return b < a ? b : a;
  } else {
    static_assert(Op == Operation::kPmax);
    return a < b ? b : a;
  }
}

/// The product of two numbers between -1 and 1, of which each is in 2^15ths; rounded.
[[gnu::always_inline]] inline std::uint16_t q15_product(std::uint16_t a, std::uint16_t b) {
  const std::int32_t product = static_cast<std::int16_t>(a) * static_cast<std::int16_t>(b);
  const std::int32_t rounded = (product + 0x4000) >> 15;
  // Only -1 times -1 is too large.
  return static_cast<std::uint16_t>(rounded == 0x8000 ? 0x7fff : rounded);
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline T lane_result(T a, T b) {
  if constexpr (Op == Operation::kAdd) {
    return a + b;
  } else if constexpr (Op == Operation::kSub) {
    return a - b;
  } else if constexpr (Op == Operation::kMul) {
    if constexpr (sizeof(T) == 2) {
      return static_cast<T>(std::uint32_t{a} * b);
    } else {
      return a * b;
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    return float_result<Op>(a, b);
  } else if constexpr (Op == Operation::kMinS || Op == Operation::kMaxS) {
    using Signed = std::make_signed_t<T>;
    const bool less = static_cast<Signed>(a) < static_cast<Signed>(b);
    return less == (Op == Operation::kMinS) ? a : b;
  } else if constexpr (Op == Operation::kMinU || Op == Operation::kMaxU) {
    return (a < b) == (Op == Operation::kMinU) ? a : b;
  } else {
    static_assert(Op == Operation::kQ15MulrSatS);
    return q15_product(a, b);
  }
}

/// A product and a sum, each rounded: what every machine has, and most have nothing else.
template <Operation Op, typename T>
[[gnu::always_inline]] inline T lane_result(T a, T b, T c) {
  if constexpr (Op == Operation::kMulAdd) {
    return a * b + c;
  } else {
    static_assert(Op == Operation::kNegMulAdd);
    return c - a * b;
  }
}

/// Whether the lanes of a word are worked on together.
template <Operation Op, typename T>
constexpr bool is_packed() {
  return std::is_integral_v<T> && sizeof(T) <= 2 && Op != Operation::kMul &&
         Op != Operation::kQ15MulrSatS;
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline std::uint64_t packed_result(std::uint64_t a) {
  if constexpr (Op == Operation::kAbs) {
    return Packed<T>::absolute(a);
  } else if constexpr (Op == Operation::kNeg) {
    return Packed<T>::sub(0, a);
  } else {
    static_assert(Op == Operation::kPopcnt);
    return Packed<T>::count_ones(a);
  }
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline std::uint64_t packed_result(std::uint64_t a, std::uint64_t b) {
  using P = Packed<T>;
  if constexpr (Op == Operation::kAdd) {
    return P::add(a, b);
  } else if constexpr (Op == Operation::kSub) {
    return P::sub(a, b);
  } else if constexpr (Op == Operation::kAddSatS) {
    return P::add_saturated_signed(a, b);
  } else if constexpr (Op == Operation::kAddSatU) {
    return P::add_saturated_unsigned(a, b);
  } else if constexpr (Op == Operation::kSubSatS) {
    return P::sub_saturated_signed(a, b);
  } else if constexpr (Op == Operation::kSubSatU) {
    return P::sub_saturated_unsigned(a, b);
  } else if constexpr (Op == Operation::kMinS) {
    return P::choose(P::spread(P::less_signed(a, b)), a, b);
  } else if constexpr (Op == Operation::kMinU) {
    return P::choose(P::spread(P::less_unsigned(a, b)), a, b);
  } else if constexpr (Op == Operation::kMaxS) {
    return P::choose(P::spread(P::less_signed(a, b)), b, a);
  } else if constexpr (Op == Operation::kMaxU) {
    return P::choose(P::spread(P::less_unsigned(a, b)), b, a);
  } else {
    static_assert(Op == Operation::kAvgrU);
    return P::average(a, b);
  }
}

template <Operation Op, typename T, typename... Source>
[[gnu::always_inline]] inline void arithmetic(std::uint8_t* result, Source... sources) {
  if constexpr (is_packed<Op, T>()) {
    each_lane<std::uint64_t, std::uint64_t>(
        result, [](auto... words) { return packed_result<Op, T>(words...); }, sources...);
  } else {
    each_lane<T, T>(result, [](auto... lanes) { return lane_result<Op, T>(lanes...); }, sources...);
  }
}

template <Operation Op, typename T, unsigned Operands>
void vector_arithmetic(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  if constexpr (Operands == 1) {
    arithmetic<Op, T>(vector_at(pc, fp, kFieldB), a);
  } else if constexpr (Operands == 2) {
    arithmetic<Op, T>(vector_at(pc, fp, kFieldC), a, vector_at(pc, fp, kFieldB));
  } else {
    arithmetic<Op, T>(vector_at(pc, fp, kFieldD), a, vector_at(pc, fp, kFieldB),
                      vector_at(pc, fp, kFieldC));
  }
  QUOLL_WASM_NEXT(2);
}

template <Opcode O>
constexpr Handler handler_of() {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorArithmetic) {
    return &vector_arithmetic<kRow.operation, Lane<kRow.lanes>, kRow.operand_count>;
  } else {
    return nullptr;
  }
}

}  // namespace

Handler handlers::vector_arithmetic(Opcode op) {
  switch (op) {
#define V(id, number, text, immediates, signature, family, operation, lanes) \
  case Opcode::k##id:                                                        \
    return handler_of<Opcode::k##id>();
#include <quoll/wasm/vector_opcodes.inc>
#undef V
    default:
      return nullptr;
  }
}

}  // namespace quoll::wasm
