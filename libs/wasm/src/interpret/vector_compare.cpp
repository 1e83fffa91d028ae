// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Comparisons of vectors: all bits of a lane are set where it is true.
#include "interpret/packed.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op, typename T>
[[gnu::always_inline]] inline bool is_true(T a, T b) {
  if constexpr (Op == Operation::kEq) {
    return a == b;
  } else if constexpr (Op == Operation::kNe) {
    return a != b;
  } else if constexpr (Op == Operation::kLtU || Op == Operation::kLt) {
    return a < b;
  } else if constexpr (Op == Operation::kGtU || Op == Operation::kGt) {
    return a > b;
  } else if constexpr (Op == Operation::kLeU || Op == Operation::kLe) {
    return a <= b;
  } else if constexpr (Op == Operation::kGeU || Op == Operation::kGe) {
    return a >= b;
  } else {
    const auto x = static_cast<std::make_signed_t<T>>(a);
    const auto y = static_cast<std::make_signed_t<T>>(b);
    if constexpr (Op == Operation::kLtS) {
      return x < y;
    } else if constexpr (Op == Operation::kGtS) {
      return x > y;
    } else if constexpr (Op == Operation::kLeS) {
      return x <= y;
    } else {
      static_assert(Op == Operation::kGeS);
      return x >= y;
    }
  }
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline std::uint64_t packed_mask(std::uint64_t a, std::uint64_t b) {
  using P = Packed<T>;
  if constexpr (Op == Operation::kEq) {
    return ~P::spread(P::differ(a, b));
  } else if constexpr (Op == Operation::kNe) {
    return P::spread(P::differ(a, b));
  } else if constexpr (Op == Operation::kLtS) {
    return P::spread(P::less_signed(a, b));
  } else if constexpr (Op == Operation::kLtU) {
    return P::spread(P::less_unsigned(a, b));
  } else if constexpr (Op == Operation::kGtS) {
    return P::spread(P::less_signed(b, a));
  } else if constexpr (Op == Operation::kGtU) {
    return P::spread(P::less_unsigned(b, a));
  } else if constexpr (Op == Operation::kLeS) {
    return ~P::spread(P::less_signed(b, a));
  } else if constexpr (Op == Operation::kLeU) {
    return ~P::spread(P::less_unsigned(b, a));
  } else if constexpr (Op == Operation::kGeS) {
    return ~P::spread(P::less_signed(a, b));
  } else {
    static_assert(Op == Operation::kGeU);
    return ~P::spread(P::less_unsigned(a, b));
  }
}

template <Operation Op, typename T>
void vector_compare(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  const std::uint8_t* b = vector_at(pc, fp, kFieldB);
  std::uint8_t* d = vector_at(pc, fp, kFieldC);
  if constexpr (sizeof(T) <= 2) {
    each_lane<std::uint64_t, std::uint64_t>(
        d, [](std::uint64_t x, std::uint64_t y) { return packed_mask<Op, T>(x, y); }, a, b);
  } else {
    each_lane<Mask<T>, T>(
        d, [](T x, T y) { return Mask<T>{0} - Mask<T>{is_true<Op, T>(x, y)}; }, a, b);
  }
  QUOLL_WASM_NEXT(2);
}

template <Opcode O>
constexpr Handler handler_of() {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorCompare) {
    return &vector_compare<kRow.operation, Lane<kRow.lanes>>;
  } else {
    return nullptr;
  }
}

}  // namespace

Handler handlers::vector_compare(Opcode op) {
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
