// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores of vectors. One lane is stored as the number that lies in its part of the slot,
// by the stores of numbers.
#include "interpret/effective_address.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

/// How many bytes an instruction reads.
constexpr std::uint64_t access_bytes(Operation op, std::size_t lane) {
  switch (op) {
    case Operation::kLoad128:
      return kVectorBytes;
    case Operation::kLoadExtendS:
    case Operation::kLoadExtendU:
      return kVectorBytes / 2;
    default:
      return lane;
  }
}

/// Lanes of half the width, from a word, to whole ones.
template <typename R, bool Signed>
[[gnu::always_inline]] inline void extend(std::uint8_t* d, std::uint64_t word) {
  write_lanes<R>(d, [&](std::size_t i) {
    const auto lane = lane_of<Half<R>>({word, 0}, i);
    return Signed ? static_cast<R>(static_cast<std::make_signed_t<Half<R>>>(lane)) : R{lane};
  });
}

template <Bounds B, Operation Op, typename T, Operand A>
void load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, access_bytes(Op, sizeof(T)), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  const std::uint8_t* from = mem + address;
  std::uint8_t* d = vector_at(pc, fp, kFieldB);
  if constexpr (Op == Operation::kLoad128) {
    const auto value = peek<VectorBits>(from);
    QUOLL_WASM_ACCESS_DONE();
    poke(d, value);
  } else if constexpr (Op == Operation::kLoadExtendS || Op == Operation::kLoadExtendU) {
    const auto word = peek<std::uint64_t>(from);
    QUOLL_WASM_ACCESS_DONE();
    extend<T, Op == Operation::kLoadExtendS>(d, word);
  } else {
    const T value = peek<T>(from);
    QUOLL_WASM_ACCESS_DONE();
    if constexpr (Op == Operation::kLoadZero) {
      poke(d, VectorBits{value, 0});
    } else {
      static_assert(Op == Operation::kLoadSplat);
      const std::uint64_t word = ~std::uint64_t{0} / static_cast<T>(-1) * value;
      poke(d, VectorBits{word, word});
    }
  }
  QUOLL_WASM_NEXT(2);
}

template <Bounds B, typename T, Operand A>
void load_lane(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, sizeof(T), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  const T value = peek<T>(mem + address);
  QUOLL_WASM_ACCESS_DONE();
  const auto other = peek<VectorBits>(vector_at(pc, fp, kFieldB));
  std::uint8_t* d = vector_at(pc, fp, kFieldExtra);
  poke(d, other);
  poke(d + peek<std::uint16_t>(pc + kFieldExtra + 2), value);
  QUOLL_WASM_NEXT(3);
}

template <Bounds B, Operand A>
void store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, kVectorBytes, mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  poke(mem + address, peek<VectorBits>(vector_at(pc, fp, kFieldB)));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(2);
}

template <Operation Op, typename T>
constexpr auto kLoad = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kA = operand_digit<I, 0>();
  return &load<kBounds, Op, T, kA>;
});
template <typename T>
constexpr auto kLoadLane = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kA = operand_digit<I, 0>();
  return &load_lane<kBounds, T, kA>;
});
constexpr auto kStore = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kA = operand_digit<I, 0>();
  return &store<kBounds, kA>;
});

template <Opcode O>
Handler handler_of(Operand address) {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorLoad) {
    return kLoad<kRow.operation, Lane<kRow.lanes>>[operand_index(address)];
  } else if constexpr (kRow.family == Family::kVectorLoadLane) {
    return kLoadLane<Lane<kRow.lanes>>[operand_index(address)];
  } else {
    return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler vector_load(Opcode op, Operand address) {
  switch (op) {
#define V(id, number, text, immediates, signature, family, operation, lanes) \
  case Opcode::k##id:                                                        \
    return handler_of<Opcode::k##id>(address);
#include <quoll/wasm/vector_opcodes.inc>
#undef V
    default:
      return nullptr;
  }
}
Handler vector_store(Operand address) {
  return kStore[operand_index(address)];
}

}  // namespace handlers
}  // namespace quoll::wasm
