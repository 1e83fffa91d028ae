// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Floating-point operations.
#include "interpret/floats.hpp"
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op, typename T>
[[gnu::always_inline]] inline T binary_result(T a, T b) {
  if constexpr (Op == Operation::kAdd) {
    return a + b;
  } else if constexpr (Op == Operation::kSub) {
    return a - b;
  } else if constexpr (Op == Operation::kMul) {
    return a * b;
  } else if constexpr (Op == Operation::kDiv) {
    return a / b;
  } else if constexpr (Op == Operation::kMin) {
    return floats::minimum(a, b);
  } else if constexpr (Op == Operation::kMax) {
    return floats::maximum(a, b);
  } else {
    static_assert(Op == Operation::kCopysign);
    return floats::with_sign_of(a, b);
  }
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline T unary_result(T a) {
  if constexpr (Op == Operation::kAbs) {
    return floats::magnitude(a);
  } else if constexpr (Op == Operation::kNeg) {
    return floats::negate(a);
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

template <Operation Op, typename T, Operand A, Operand B, Operand D>
void float_binary(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  constexpr bool kImmediate = A == Operand::kImmediate || B == Operand::kImmediate;
  const T result = binary_result<Op, T>(QUOLL_WASM_GET_FLOAT(T, A, Fields::kA),
                                        QUOLL_WASM_GET_FLOAT(T, B, Fields::kB));
  QUOLL_WASM_PUT_FLOAT(T, D, Fields::kD, result);
  QUOLL_WASM_NEXT(kImmediate && sizeof(T) == 8 ? 3 : 2);
}

template <Operation Op, typename T, Operand A, Operand D>
void float_unary(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const T result = unary_result<Op, T>(QUOLL_WASM_GET_FLOAT(T, A, kFieldA));
  QUOLL_WASM_PUT_FLOAT(T, D, kFieldB, result);
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
constexpr bool has_binary(Operand a, Operand b, Operand d) {
  if (!is_operand_pair(a, b) || !is_writable(d)) return false;
  if (sizeof(T) == 4) return is_single(a) && is_single(b) && is_single(d);
  const bool frequent = Op == Operation::kAdd || Op == Operation::kSub || Op == Operation::kMul ||
                        Op == Operation::kDiv;
  return frequent || (is_basic(a) && is_basic(b) && is_basic(d));
}
template <Operation Op, typename T>
constexpr bool has_unary(Operand a, Operand d) {
  if (a == Operand::kImmediate || !is_writable(d)) return false;
  if (sizeof(T) == 4) return is_single(a) && is_single(d);
  const bool frequent = Op == Operation::kAbs || Op == Operation::kNeg || Op == Operation::kSqrt;
  return frequent || (is_basic(a) && is_basic(d));
}

template <Operation Op, typename T>
constexpr auto kFloatBinary = make_handlers<kThreeOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  constexpr Operand d = operand_digit<I, 2>();
  if constexpr (has_binary<Op, T>(a, b, d)) {
    return &float_binary<Op, T, a, b, d>;
  } else {
    return nullptr;
  }
});
template <Operation Op, typename T>
constexpr auto kFloatUnary = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (has_unary<Op, T>(a, d)) {
    return &float_unary<Op, T, a, d>;
  } else {
    return nullptr;
  }
});

}  // namespace

#define QUOLL_WASM_CASE(table, o) \
  case Operation::o:              \
    return narrow ? table<Operation::o, float>[index] : table<Operation::o, double>[index];

Handler handlers::float_binary(Operation op, Width width, Operand a, Operand b, Operand d) {
  const std::size_t index = operand_index(a, b, d);
  const bool narrow = width == Width::k32;
  switch (op) {
    QUOLL_WASM_CASE(kFloatBinary, kAdd)
    QUOLL_WASM_CASE(kFloatBinary, kSub)
    QUOLL_WASM_CASE(kFloatBinary, kMul)
    QUOLL_WASM_CASE(kFloatBinary, kDiv)
    QUOLL_WASM_CASE(kFloatBinary, kMin)
    QUOLL_WASM_CASE(kFloatBinary, kMax)
    QUOLL_WASM_CASE(kFloatBinary, kCopysign)
    default:
      return nullptr;
  }
}

Handler handlers::float_unary(Operation op, Width width, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  const bool narrow = width == Width::k32;
  switch (op) {
    QUOLL_WASM_CASE(kFloatUnary, kAbs)
    QUOLL_WASM_CASE(kFloatUnary, kNeg)
    QUOLL_WASM_CASE(kFloatUnary, kCeil)
    QUOLL_WASM_CASE(kFloatUnary, kFloor)
    QUOLL_WASM_CASE(kFloatUnary, kTrunc)
    QUOLL_WASM_CASE(kFloatUnary, kNearest)
    QUOLL_WASM_CASE(kFloatUnary, kSqrt)
    default:
      return nullptr;
  }
}
#undef QUOLL_WASM_CASE

}  // namespace quoll::wasm
