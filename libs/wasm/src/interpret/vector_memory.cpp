// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores of vectors. One lane is stored as the number that lies in its part of the slot,
// by the stores of numbers.
#include "interpret/addressing.hpp"
#include "interpret/handlers.hpp"
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

template <Addressing G, Operation Op, typename T, Operand A>
void load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, access_bytes(Op, sizeof(T)), from);
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
  QUOLL_WASM_NEXT(kAccessWords<G>);
}

/// The word behind the rest of the cell: the result, and where in it the lane is.
template <Addressing G, typename T, Operand A>
void load_lane(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  constexpr std::uint32_t kLaneWord = kAccessWords<G> * kWordBytes;
  QUOLL_WASM_LOCATE(G, A, sizeof(T), from);
  const T value = peek<T>(from);
  QUOLL_WASM_ACCESS_DONE();
  const auto other = peek<VectorBits>(vector_at(pc, fp, kFieldB));
  std::uint8_t* d = vector_at(pc, fp, kLaneWord);
  poke(d, other);
  poke(d + peek<std::uint16_t>(pc + kLaneWord + 2), value);
  QUOLL_WASM_NEXT(kAccessWords<G> + 1);
}

template <Addressing G, Operand A>
void store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, kVectorBytes, to);
  poke(to, peek<VectorBits>(vector_at(pc, fp, kFieldB)));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(kAccessWords<G>);
}

// One operand is not a vector: the address. Handlers for all ways to find a memory are in one
// table.

constexpr std::size_t index_of(Addressing g, Operand address) {
  return static_cast<std::size_t>(g) * kOneOperand + operand_index(address);
}
inline constexpr std::size_t kAccesses = 4 * kOneOperand;

template <std::size_t I>
constexpr auto kAddressing = static_cast<Addressing>(I / kOneOperand);
template <std::size_t I>
constexpr Operand kAddress = operand_digit<I % kOneOperand, 0>();
/// The memory in registers takes addresses of all classes, others one in a slot.
template <std::size_t I>
constexpr bool kExists = kIsFirst<kAddressing<I>> || kAddress<I> == Operand::kSlot;

template <Operation Op, typename T>
constexpr auto kLoad = make_handlers<kAccesses>([]<std::size_t I>() -> Handler {
  if constexpr (kExists<I>) {
    return &load<kAddressing<I>, Op, T, kAddress<I>>;
  } else {
    return nullptr;
  }
});
template <typename T>
constexpr auto kLoadLane = make_handlers<kAccesses>([]<std::size_t I>() -> Handler {
  if constexpr (kExists<I>) {
    return &load_lane<kAddressing<I>, T, kAddress<I>>;
  } else {
    return nullptr;
  }
});
constexpr auto kStore = make_handlers<kAccesses>([]<std::size_t I>() -> Handler {
  if constexpr (kExists<I>) {
    return &store<kAddressing<I>, kAddress<I>>;
  } else {
    return nullptr;
  }
});

template <Opcode O>
Handler handler_of(std::size_t index) {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorLoad) {
    return kLoad<kRow.operation, Lane<kRow.lanes>>[index];
  } else if constexpr (kRow.family == Family::kVectorLoadLane) {
    return kLoadLane<Lane<kRow.lanes>>[index];
  } else {
    return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler vector_load(Opcode op, Addressing g, Operand address) {
  const std::size_t index = index_of(g, address);
  switch (op) {
#define V(id, number, text, immediates, signature, family, operation, lanes) \
  case Opcode::k##id:                                                        \
    return handler_of<Opcode::k##id>(index);
#include <quoll/wasm/vector_opcodes.inc>
#undef V
    default:
      return nullptr;
  }
}
Handler vector_store(Addressing g, Operand address) {
  return kStore[index_of(g, address)];
}

}  // namespace handlers
}  // namespace quoll::wasm
