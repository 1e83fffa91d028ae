// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Integer comparisons, to a value and to a branch.
//
// Sign extension keeps the order of unsigned 32-bit numbers, so both widths compare 64 bits.
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op>
[[gnu::always_inline]] inline bool compare(std::uint64_t a, std::uint64_t b) {
  const auto sa = static_cast<std::int64_t>(a);
  const auto sb = static_cast<std::int64_t>(b);
  if constexpr (Op == Operation::kEq) {
    return a == b;
  } else if constexpr (Op == Operation::kNe) {
    return a != b;
  } else if constexpr (Op == Operation::kLtS) {
    return sa < sb;
  } else if constexpr (Op == Operation::kLtU) {
    return a < b;
  } else if constexpr (Op == Operation::kGtS) {
    return sa > sb;
  } else if constexpr (Op == Operation::kGtU) {
    return a > b;
  } else if constexpr (Op == Operation::kLeS) {
    return sa <= sb;
  } else if constexpr (Op == Operation::kLeU) {
    return a <= b;
  } else if constexpr (Op == Operation::kGeS) {
    return sa >= sb;
  } else {
    static_assert(Op == Operation::kGeU);
    return a >= b;
  }
}

template <Operation Op, typename T, Operand A, Operand B, Operand D>
void int_compare(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  const bool result =
      compare<Op>(QUOLL_WASM_GET_WIDE(T, A, Fields::kA), QUOLL_WASM_GET_WIDE(T, B, Fields::kB));
  QUOLL_WASM_PUT(D, Fields::kD, std::uint64_t{result});
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T, Operand A, Operand B>
void compare_branch(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  constexpr bool kImmediate = B == Operand::kImmediate;
  if (compare<Op>(QUOLL_WASM_GET_WIDE(T, A, Fields::kA), QUOLL_WASM_GET_WIDE(T, B, Fields::kB))) {
    pc += peek<std::int32_t>(pc + (kImmediate ? kFieldExtra : kFieldImmediate));
    QUOLL_WASM_GO();
  }
  QUOLL_WASM_NEXT(kImmediate ? 3 : 2);
}

template <Operation Op, typename T>
constexpr auto kIntCompare = make_handlers<kThreeOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  constexpr Operand d = operand_digit<I, 2>();
  if constexpr (a != Operand::kImmediate && is_basic(d)) {
    return &int_compare<Op, T, a, b, d>;
  } else {
    return nullptr;
  }
});

template <Operation Op, typename T>
constexpr auto kCompareBranch = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  if constexpr (a != Operand::kImmediate) {
    return &compare_branch<Op, T, a, b>;
  } else {
    return nullptr;
  }
});

template <typename T>
Handler find(Operation op, bool branch, std::size_t index) {
  switch (op) {
#define QUOLL_WASM_CASE(o) \
  case Operation::o:       \
    return branch ? kCompareBranch<Operation::o, T>[index] : kIntCompare<Operation::o, T>[index];
    QUOLL_WASM_CASE(kEq)
    QUOLL_WASM_CASE(kNe)
    QUOLL_WASM_CASE(kLtS)
    QUOLL_WASM_CASE(kLtU)
    QUOLL_WASM_CASE(kGtS)
    QUOLL_WASM_CASE(kGtU)
    QUOLL_WASM_CASE(kLeS)
    QUOLL_WASM_CASE(kLeU)
    QUOLL_WASM_CASE(kGeS)
    QUOLL_WASM_CASE(kGeU)
#undef QUOLL_WASM_CASE
    default:
      return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler int_compare(Operation op, Width width, Operand a, Operand b, Operand d) {
  const std::size_t index = operand_index(a, b, d);
  return width == Width::k32 ? find<std::uint32_t>(op, false, index)
                             : find<std::uint64_t>(op, false, index);
}

Handler compare_branch(Operation op, Width width, Operand a, Operand b) {
  const std::size_t index = operand_index(a, b);
  return width == Width::k32 ? find<std::uint32_t>(op, true, index)
                             : find<std::uint64_t>(op, true, index);
}

}  // namespace handlers
}  // namespace quoll::wasm
