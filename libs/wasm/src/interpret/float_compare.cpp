// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Floating-point comparisons, to a value and to a branch. A comparison with NaN is false, so its
// inverse is not another comparison: branches come in both senses.
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op, typename T>
[[gnu::always_inline]] inline bool compare(T a, T b) {
  if constexpr (Op == Operation::kEq) {
    return a == b;
  } else if constexpr (Op == Operation::kNe) {
    return a != b;
  } else if constexpr (Op == Operation::kLt) {
    return a < b;
  } else if constexpr (Op == Operation::kGt) {
    return a > b;
  } else if constexpr (Op == Operation::kLe) {
    return a <= b;
  } else {
    static_assert(Op == Operation::kGe);
    return a >= b;
  }
}

template <Operation Op, typename T, Operand A, Operand B, Operand D>
void float_compare(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  const bool result = compare<Op, T>(QUOLL_WASM_GET_FLOAT(T, A, Fields::kA),
                                     QUOLL_WASM_GET_FLOAT(T, B, Fields::kB));
  QUOLL_WASM_PUT(D, Fields::kD, std::uint64_t{result});
  QUOLL_WASM_NEXT(B == Operand::kImmediate && sizeof(T) == 8 ? 3 : 2);
}

template <Operation Op, typename T, bool Sense, Operand A, Operand B>
void float_compare_branch(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Fields = BinaryFields<A, B>;
  constexpr bool kImmediate = B == Operand::kImmediate;
  constexpr bool kThirdWord = kImmediate && sizeof(T) == 4;  // holds the distance
  if (compare<Op, T>(QUOLL_WASM_GET_FLOAT(T, A, Fields::kA),
                     QUOLL_WASM_GET_FLOAT(T, B, Fields::kB)) == Sense) {
    pc += peek<std::int32_t>(pc + (kThirdWord ? kFieldExtra : kFieldImmediate));
    QUOLL_WASM_GO();
  }
  QUOLL_WASM_NEXT(kImmediate ? 3 : 2);
}

template <typename T>
constexpr bool has_operands(Operand a, Operand b) {
  return a != Operand::kImmediate && (sizeof(T) == 8 || (is_single(a) && is_single(b)));
}

template <Operation Op, typename T>
constexpr auto kCompare = make_handlers<kThreeOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  constexpr Operand d = operand_digit<I, 2>();
  if constexpr (has_operands<T>(a, b) && is_basic(d)) {
    return &float_compare<Op, T, a, b, d>;
  } else {
    return nullptr;
  }
});
template <Operation Op, typename T, bool Sense>
constexpr auto kBranch = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  if constexpr (has_operands<T>(a, b)) {
    return &float_compare_branch<Op, T, Sense, a, b>;
  } else {
    return nullptr;
  }
});

enum class Use : std::uint8_t { kValue, kBranchIfNot, kBranchIf };

template <typename T>
Handler find(Operation op, Use use, std::size_t index) {
  switch (op) {
#define QUOLL_WASM_CASE(o)                                                 \
  case Operation::o:                                                       \
    return use == Use::kValue      ? kCompare<Operation::o, T>[index]      \
           : use == Use::kBranchIf ? kBranch<Operation::o, T, true>[index] \
                                   : kBranch<Operation::o, T, false>[index];
    QUOLL_WASM_CASE(kEq)
    QUOLL_WASM_CASE(kNe)
    QUOLL_WASM_CASE(kLt)
    QUOLL_WASM_CASE(kGt)
    QUOLL_WASM_CASE(kLe)
    QUOLL_WASM_CASE(kGe)
#undef QUOLL_WASM_CASE
    default:
      return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler float_compare(Operation op, Width width, Operand a, Operand b, Operand d) {
  const std::size_t index = operand_index(a, b, d);
  return width == Width::k32 ? find<float>(op, Use::kValue, index)
                             : find<double>(op, Use::kValue, index);
}

Handler float_compare_branch(Operation op, Width width, bool sense, Operand a, Operand b) {
  const std::size_t index = operand_index(a, b);
  const Use use = sense ? Use::kBranchIf : Use::kBranchIfNot;
  return width == Width::k32 ? find<float>(op, use, index) : find<double>(op, use, index);
}

}  // namespace handlers
}  // namespace quoll::wasm
