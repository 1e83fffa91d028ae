// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Vectors as bits: bitwise operations, shifts, and what a whole vector says in one number.
#include "interpret/packed.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

template <Operation Op>
[[gnu::always_inline]] inline std::uint64_t bits_result(std::uint64_t a, std::uint64_t b = 0,
                                                        std::uint64_t c = 0) {
  if constexpr (Op == Operation::kNot) {
    return ~a;
  } else if constexpr (Op == Operation::kAnd) {
    return a & b;
  } else if constexpr (Op == Operation::kAndNot) {
    return a & ~b;
  } else if constexpr (Op == Operation::kOr) {
    return a | b;
  } else if constexpr (Op == Operation::kXor) {
    return a ^ b;
  } else {
    static_assert(Op == Operation::kBitselect);
    return b ^ ((a ^ b) & c);
  }
}

template <Operation Op, unsigned Operands>
void vector_bitwise(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Word = std::uint64_t;
  const auto result = [](auto... words) { return bits_result<Op>(words...); };
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  if constexpr (Operands == 1) {
    each_lane<Word, Word>(vector_at(pc, fp, kFieldB), result, a);
  } else if constexpr (Operands == 2) {
    each_lane<Word, Word>(vector_at(pc, fp, kFieldC), result, a, vector_at(pc, fp, kFieldB));
  } else {
    each_lane<Word, Word>(vector_at(pc, fp, kFieldD), result, a, vector_at(pc, fp, kFieldB),
                          vector_at(pc, fp, kFieldC));
  }
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline T shifted(T a, unsigned n) {
  if constexpr (Op == Operation::kShl) {
    return a << n;
  } else if constexpr (Op == Operation::kShrU) {
    return a >> n;
  } else {
    static_assert(Op == Operation::kShrS);
    return static_cast<T>(static_cast<std::make_signed_t<T>>(a) >> n);
  }
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline std::uint64_t packed_shifted(std::uint64_t a, unsigned n) {
  if constexpr (Op == Operation::kShl) {
    return Packed<T>::shift_left(a, n);
  } else if constexpr (Op == Operation::kShrU) {
    return Packed<T>::shift_right(a, n);
  } else {
    static_assert(Op == Operation::kShrS);
    return Packed<T>::shift_right_signed(a, n);
  }
}

template <Operation Op, typename T, Operand N>
void vector_shift(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  unsigned n;
  if constexpr (N == Operand::kImmediate) {
    n = peek<std::uint16_t>(pc + kFieldB);
  } else {
    n = QUOLL_WASM_GET(std::uint32_t, N, kFieldB) & (sizeof(T) * 8 - 1);
  }
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  std::uint8_t* d = vector_at(pc, fp, kFieldC);
  if constexpr (sizeof(T) <= 2) {
    each_lane<std::uint64_t, std::uint64_t>(
        d, [n](std::uint64_t word) { return packed_shifted<Op, T>(word, n); }, a);
  } else {
    each_lane<T, T>(d, [n](T lane) { return shifted<Op, T>(lane, n); }, a);
  }
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
[[gnu::always_inline]] inline std::uint64_t reduced(const VectorBits& v) {
  if constexpr (Op == Operation::kAnyTrue) {
    return (v.low | v.high) != 0 ? 1 : 0;
  } else if constexpr (Op == Operation::kAllTrue) {
    if constexpr (sizeof(T) <= 2) {
      return Packed<T>::all_true(v.low) && Packed<T>::all_true(v.high) ? 1 : 0;
    } else {
      bool all = true;
      for (std::size_t i = 0; i < kLaneCount<T>; ++i) all = all && lane_of<T>(v, i) != 0;
      return all ? 1 : 0;
    }
  } else {
    static_assert(Op == Operation::kBitmask);
    if constexpr (sizeof(T) <= 2) {
      return Packed<T>::top_bits(v.low) | Packed<T>::top_bits(v.high) << (8 / sizeof(T));
    } else {
      std::uint64_t mask = 0;
      for (std::size_t i = 0; i < kLaneCount<T>; ++i) {
        mask |= std::uint64_t{lane_of<T>(v, i) >> (sizeof(T) * 8 - 1)} << i;
      }
      return mask;
    }
  }
}

template <Operation Op, typename T, Operand D>
void vector_reduce(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const auto v = peek<VectorBits>(vector_at(pc, fp, kFieldA));
  QUOLL_WASM_PUT(D, kFieldB, (reduced<Op, T>(v)));
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
constexpr auto kShift = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kA = operand_digit<I, 0>();
  return &vector_shift<Op, T, kA>;
});
template <Operation Op, typename T>
constexpr auto kReduce = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kD = operand_digit<I, 0>();
  if constexpr (is_writable(kD)) {
    return &vector_reduce<Op, T, kD>;
  } else {
    return nullptr;
  }
});

template <Opcode O>
constexpr Handler handler_of(Operand scalar) {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorBitwise) {
    return &vector_bitwise<kRow.operation, kRow.operand_count>;
  } else if constexpr (kRow.family == Family::kVectorShift) {
    return kShift<kRow.operation, Lane<kRow.lanes>>[operand_index(scalar)];
  } else if constexpr (kRow.family == Family::kVectorReduce) {
    return kReduce<kRow.operation, Lane<kRow.lanes>>[operand_index(scalar)];
  } else {
    return nullptr;
  }
}

Handler find(Opcode op, Operand scalar) {
  switch (op) {
#define V(id, number, text, immediates, signature, family, operation, lanes) \
  case Opcode::k##id:                                                        \
    return handler_of<Opcode::k##id>(scalar);
#include <quoll/wasm/vector_opcodes.inc>
#undef V
    default:
      return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler vector_bitwise(Opcode op) {
  return find(op, Operand::kSlot);
}
Handler vector_shift(Opcode op, Operand amount) {
  return find(op, amount);
}
Handler vector_reduce(Opcode op, Operand d) {
  return find(op, d);
}

}  // namespace handlers
}  // namespace quoll::wasm
