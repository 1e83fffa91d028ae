// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lanes as they are: into vectors, out of them, and from place to place.
#include "interpret/packed.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

/// An operand of any class that is a number, of the lane's width at least.
template <typename T, Operand C>
[[gnu::always_inline]] inline T number(const std::uint8_t* pc, const std::uint8_t* fp,
                                       std::uint32_t field, std::uint64_t acc, std::uint64_t pin0,
                                       std::uint64_t pin1, double dacc, double dpin0, double dpin1,
                                       float facc) {
  if constexpr (std::is_floating_point_v<T>) {
    return QUOLL_WASM_GET_FLOAT(T, C, field);
  } else if constexpr (sizeof(T) == 8) {
    return QUOLL_WASM_GET(std::uint64_t, C, field);
  } else {
    return static_cast<T>(QUOLL_WASM_GET(std::uint32_t, C, field));
  }
}
#define QUOLL_WASM_NUMBER(T, C, field) \
  number<T, C>(pc, fp, field, acc, pin0, pin1, dacc, dpin0, dpin1, facc)

template <typename T, Operand A>
void splat(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const T value = QUOLL_WASM_NUMBER(T, A, kFieldA);
  std::uint8_t* d = vector_at(pc, fp, kFieldB);
  if constexpr (sizeof(T) <= 2) {
    const std::uint64_t word = ~std::uint64_t{0} / static_cast<T>(-1) * value;
    write_lanes<std::uint64_t>(d, [&](std::size_t) { return word; });
  } else {
    write_lanes<T>(d, [&](std::size_t) { return value; });
  }
  QUOLL_WASM_NEXT(2);
}

template <typename T, Operand D>
void extract(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const T value = peek<T>(vector_at(pc, fp, kFieldA));
  if constexpr (std::is_floating_point_v<T>) {
    QUOLL_WASM_PUT_FLOAT(T, D, kFieldB, value);
  } else {
    // A narrow lane is extended to 32 bits; an i32 is held sign-extended.
    using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    QUOLL_WASM_PUT(D, kFieldB, widen(static_cast<Wide>(value)));
  }
  QUOLL_WASM_NEXT(2);
}

template <typename T, Operand B>
void replace(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const T value = QUOLL_WASM_NUMBER(T, B, kFieldB);
  const auto other = peek<VectorBits>(vector_at(pc, fp, kFieldA));
  std::uint8_t* d = vector_at(pc, fp, kFieldC);
  poke(d, other);
  poke(d + peek<std::uint16_t>(pc + kFieldD), value);
  QUOLL_WASM_NEXT(2);
}

template <typename T>
[[gnu::always_inline]] inline T shuffled(const std::uint8_t* pc, const std::uint8_t* fp,
                                         std::size_t i) {
  return peek<T>(vector_at(pc, fp, static_cast<std::uint32_t>(kFieldExtra + i * 2)));
}

template <typename T>
void shuffle(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* d = vector_at(pc, fp, kFieldA);
  // The result may lie on any of the lanes: all are read first.
  if constexpr (sizeof(T) >= 4) {
    T lanes[kLaneCount<T>];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kLaneCount<T>; ++i) lanes[i] = shuffled<T>(pc, fp, i);
    write_lanes<T>(d, [&](std::size_t i) { return lanes[i]; });
  } else {
    constexpr std::size_t kPerWord = kWordBytes / sizeof(T);
    std::uint64_t words[2] = {};
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kLaneCount<T>; ++i) {
      words[i / kPerWord] |= std::uint64_t{shuffled<T>(pc, fp, i)}
                             << (i % kPerWord * sizeof(T) * 8);
    }
    write_lanes<std::uint64_t>(d, [&](std::size_t i) { return words[i]; });
  }
  QUOLL_WASM_NEXT(2 + (kLaneCount<T> + 3) / 4);
}

void swizzle(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  const std::uint8_t* b = vector_at(pc, fp, kFieldB);
  using P = Packed<std::uint8_t>;
  constexpr std::uint64_t kEnd = P::kOnes * kVectorBytes;
  std::uint64_t words[2] = {};
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kVectorBytes; ++i) {
    words[i / 8] |= std::uint64_t{a[b[i] % kVectorBytes]} << (i % 8 * 8);
  }
  // A lane beyond the last is zero: something has been read all the same.
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < 2; ++i) {
    words[i] &= P::spread(P::less_unsigned(peek<std::uint64_t>(b + i * kWordBytes), kEnd));
  }
  write_lanes<std::uint64_t>(vector_at(pc, fp, kFieldC), [&](std::size_t i) { return words[i]; });
  QUOLL_WASM_NEXT(2);
}

/// There are no pins for f32.
template <typename T>
constexpr bool has_class(Operand c) {
  return c != Operand::kImmediate && (!std::is_same_v<T, float> || is_single(c));
}

template <typename T>
constexpr auto kSplat = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kA = operand_digit<I, 0>();
  if constexpr (has_class<T>(kA)) {
    return &splat<T, kA>;
  } else {
    return nullptr;
  }
});
template <typename T>
constexpr auto kExtract = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kD = operand_digit<I, 0>();
  if constexpr (has_class<T>(kD)) {
    return &extract<T, kD>;
  } else {
    return nullptr;
  }
});
template <typename T>
constexpr auto kReplace = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kB = operand_digit<I, 0>();
  if constexpr (has_class<T>(kB)) {
    return &replace<T, kB>;
  } else {
    return nullptr;
  }
});

/// The lane's type, signed where the instruction says so.
template <Operation Op, typename T>
constexpr auto extracted_type() {
  if constexpr (Op == Operation::kExtendS) {
    return std::make_signed_t<T>{};
  } else {
    return T{};
  }
}

template <Opcode O>
Handler handler_of(Operand scalar) {
  constexpr const OpcodeInfo& kRow = info(O);
  using T = Lane<kRow.lanes>;
  if constexpr (kRow.family == Family::kVectorSplat) {
    return kSplat<T>[operand_index(scalar)];
  } else if constexpr (kRow.family == Family::kVectorExtract) {
    return kExtract<decltype(extracted_type<kRow.operation, T>())>[operand_index(scalar)];
  } else if constexpr (kRow.family == Family::kVectorReplace) {
    return kReplace<T>[operand_index(scalar)];
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

Handler vector_splat(Opcode op, Operand a) {
  return find(op, a);
}
Handler vector_extract(Opcode op, Operand d) {
  return find(op, d);
}
Handler vector_replace(Opcode op, Operand value) {
  return find(op, value);
}
Handler vector_shuffle(Lanes lanes) {
  switch (lanes) {
    case Lanes::kI64x2:
      return &shuffle<std::uint64_t>;
    case Lanes::kI32x4:
      return &shuffle<std::uint32_t>;
    case Lanes::kI16x8:
      return &shuffle<std::uint16_t>;
    default:
      return &shuffle<std::uint8_t>;
  }
}
Handler vector_swizzle() {
  return &swizzle;
}

}  // namespace handlers
}  // namespace quoll::wasm
