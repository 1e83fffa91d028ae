// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Integer operations on two operands; instantiated once for each width, in a file of its own.
#pragma once

#include <bit>
#include <concepts>
#include <limits>
#include <type_traits>

#include "interpret/handlers.hpp"

namespace quoll::wasm {

template <Operation Op, std::unsigned_integral T>
[[gnu::always_inline]] inline T int_result(T a, T b) {
  using Signed = std::make_signed_t<T>;
  constexpr T kShiftMask = sizeof(T) * 8 - 1;
  if constexpr (Op == Operation::kAdd) {
    return a + b;
  } else if constexpr (Op == Operation::kSub) {
    return a - b;
  } else if constexpr (Op == Operation::kMul) {
    return a * b;
  } else if constexpr (Op == Operation::kAnd) {
    return a & b;
  } else if constexpr (Op == Operation::kOr) {
    return a | b;
  } else if constexpr (Op == Operation::kXor) {
    return a ^ b;
  } else if constexpr (Op == Operation::kShl) {
    return a << (b & kShiftMask);
  } else if constexpr (Op == Operation::kShrS) {
    return static_cast<T>(static_cast<Signed>(a) >> (b & kShiftMask));
  } else if constexpr (Op == Operation::kShrU) {
    return a >> (b & kShiftMask);
  } else if constexpr (Op == Operation::kRotl) {
    return std::rotl(a, static_cast<int>(b & kShiftMask));
  } else if constexpr (Op == Operation::kRotr) {
    return std::rotr(a, static_cast<int>(b & kShiftMask));
  } else if constexpr (Op == Operation::kDivS) {
    return static_cast<T>(static_cast<Signed>(a) / static_cast<Signed>(b));
  } else if constexpr (Op == Operation::kDivU) {
    return a / b;
  } else if constexpr (Op == Operation::kRemS) {
    return b == static_cast<T>(-1)
               ? 0
               : static_cast<T>(static_cast<Signed>(a) % static_cast<Signed>(b));
  } else {
    static_assert(Op == Operation::kRemU);
    return a % b;
  }
}

constexpr bool is_division(Operation op) {
  return op == Operation::kDivS || op == Operation::kDivU || op == Operation::kRemS ||
         op == Operation::kRemU;
}
/// Operations on bits give a sign-extended result for sign-extended operands.
constexpr bool is_bitwise(Operation op) {
  return op == Operation::kAnd || op == Operation::kOr || op == Operation::kXor;
}
/// Operations that compilers use with a constant first operand.
constexpr bool takes_immediate_first(Operation op) {
  return op == Operation::kSub || op == Operation::kShl;
}

template <Operation Op, typename T, Operand A, Operand B, Operand D>
void int_binary(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  if constexpr (is_bitwise(Op)) {
    const std::uint64_t value = int_result<Op, std::uint64_t>(
        QUOLL_WASM_GET_WIDE(T, A, Fields::kA), QUOLL_WASM_GET_WIDE(T, B, Fields::kB));
    QUOLL_WASM_PUT(D, Fields::kD, value);
  } else {
    const T a = QUOLL_WASM_GET(T, A, Fields::kA);
    const T b = QUOLL_WASM_GET(T, B, Fields::kB);
    if constexpr (is_division(Op)) {
      if (b == 0) [[unlikely]]
        QUOLL_WASM_TRAP(kIntegerDivideByZero);
    }
    if constexpr (Op == Operation::kDivS) {
      if (b == static_cast<T>(-1) &&
          a == static_cast<T>(std::numeric_limits<std::make_signed_t<T>>::min())) [[unlikely]] {
        QUOLL_WASM_TRAP(kIntegerOverflow);
      }
    }
    QUOLL_WASM_PUT(D, Fields::kD, widen<T>(int_result<Op, T>(a, b)));
  }
  QUOLL_WASM_NEXT(2);
}

template <Operation Op>
constexpr bool has_int_binary(Operand a, Operand b, Operand d) {
  if (!is_operand_pair(a, b) || !is_writable(d)) return false;
  if (a == Operand::kImmediate && !takes_immediate_first(Op)) return false;
  const bool frequent = is_bitwise(Op) || Op == Operation::kAdd || Op == Operation::kSub ||
                        Op == Operation::kMul || Op == Operation::kShl || Op == Operation::kShrS ||
                        Op == Operation::kShrU;
  return frequent || is_basic(d);
}

template <Operation Op, typename T>
inline constexpr auto kIntBinary = make_handlers<kThreeOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  constexpr Operand d = operand_digit<I, 2>();
  if constexpr (has_int_binary<Op>(a, b, d)) {
    return &int_binary<Op, T, a, b, d>;
  } else {
    return nullptr;
  }
});

template <typename T>
Handler find_int_binary(Operation op, Operand a, Operand b, Operand d) {
  const std::size_t index = operand_index(a, b, d);
  switch (op) {
#define QUOLL_WASM_CASE(o) \
  case Operation::o:       \
    return kIntBinary<Operation::o, T>[index];
    QUOLL_WASM_CASE(kAdd)
    QUOLL_WASM_CASE(kSub)
    QUOLL_WASM_CASE(kMul)
    QUOLL_WASM_CASE(kDivS)
    QUOLL_WASM_CASE(kDivU)
    QUOLL_WASM_CASE(kRemS)
    QUOLL_WASM_CASE(kRemU)
    QUOLL_WASM_CASE(kAnd)
    QUOLL_WASM_CASE(kOr)
    QUOLL_WASM_CASE(kXor)
    QUOLL_WASM_CASE(kShl)
    QUOLL_WASM_CASE(kShrS)
    QUOLL_WASM_CASE(kShrU)
    QUOLL_WASM_CASE(kRotl)
    QUOLL_WASM_CASE(kRotr)
#undef QUOLL_WASM_CASE
    default:
      return nullptr;
  }
}

extern template Handler find_int_binary<std::uint32_t>(Operation, Operand, Operand, Operand);
extern template Handler find_int_binary<std::uint64_t>(Operation, Operand, Operand, Operand);

}  // namespace quoll::wasm
