// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Integer operations on one operand.
#include <bit>
#include <concepts>

#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <typename Narrow, typename T>
[[gnu::always_inline]] inline std::uint64_t extend(T value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<Narrow>(value)));
}

template <Operation Op, std::unsigned_integral T>
[[gnu::always_inline]] inline std::uint64_t unary_result(T value) {
  if constexpr (Op == Operation::kClz) {
    return static_cast<std::uint64_t>(std::countl_zero(value));
  } else if constexpr (Op == Operation::kCtz) {
    return static_cast<std::uint64_t>(std::countr_zero(value));
  } else if constexpr (Op == Operation::kPopcnt) {
    return static_cast<std::uint64_t>(std::popcount(value));
  } else if constexpr (Op == Operation::kExtend8S) {
    return extend<std::int8_t>(value);
  } else if constexpr (Op == Operation::kExtend16S) {
    return extend<std::int16_t>(value);
  } else if constexpr (Op == Operation::kExtend32S || Op == Operation::kWrap ||
                       Op == Operation::kExtendS) {
    return extend<std::int32_t>(value);
  } else {
    static_assert(Op == Operation::kExtendU);
    return static_cast<std::uint32_t>(value);
  }
}

template <Operation Op, typename T, Operand A, Operand D>
void int_unary(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB, (unary_result<Op, T>(QUOLL_WASM_GET(T, A, kFieldA))));
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
constexpr auto kIntUnary = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (a != Operand::kImmediate && is_writable(d)) {
    return &int_unary<Op, T, a, d>;
  } else {
    return nullptr;
  }
});

}  // namespace

Handler handlers::int_unary(Operation op, Width width, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  const bool narrow = width == Width::k32;
  switch (op) {
#define QUOLL_WASM_CASE(o)                                        \
  case Operation::o:                                              \
    return narrow ? kIntUnary<Operation::o, std::uint32_t>[index] \
                  : kIntUnary<Operation::o, std::uint64_t>[index];
    QUOLL_WASM_CASE(kClz)
    QUOLL_WASM_CASE(kCtz)
    QUOLL_WASM_CASE(kPopcnt)
    QUOLL_WASM_CASE(kExtend8S)
    QUOLL_WASM_CASE(kExtend16S)
#undef QUOLL_WASM_CASE
    case Operation::kExtend32S:
      return kIntUnary<Operation::kExtend32S, std::uint64_t>[index];
    case Operation::kWrap:
      return kIntUnary<Operation::kWrap, std::uint64_t>[index];
    case Operation::kExtendS:
      return kIntUnary<Operation::kExtendS, std::uint32_t>[index];
    case Operation::kExtendU:
      return kIntUnary<Operation::kExtendU, std::uint32_t>[index];
    default:
      return nullptr;
  }
}

}  // namespace quoll::wasm
