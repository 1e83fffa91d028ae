// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Whole vectors from place to place: constants, select, global variables.
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

void constant(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(vector_at(pc, fp, kFieldA), peek<VectorBits>(pc + kFieldExtra));
  QUOLL_WASM_NEXT(4);
}

template <Operand C>
void select(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint32_t condition = QUOLL_WASM_GET(std::uint32_t, C, kFieldC);
  const std::uint8_t* from = vector_at(pc, fp, condition != 0 ? kFieldA : kFieldB);
  poke(vector_at(pc, fp, kFieldD), peek<VectorBits>(from));
  QUOLL_WASM_NEXT(2);
}

[[gnu::always_inline]] inline std::uint8_t* variable(const std::uint8_t* pc) {
  return peek<std::uint8_t*>(pc + kFieldExtra);
}

void global_get(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(vector_at(pc, fp, kFieldB), peek<VectorBits>(variable(pc)));
  QUOLL_WASM_NEXT(3);
}

void global_set(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(variable(pc), peek<VectorBits>(vector_at(pc, fp, kFieldA)));
  QUOLL_WASM_NEXT(3);
}

constexpr auto kSelect = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand kC = operand_digit<I, 0>();
  if constexpr (kC != Operand::kImmediate) {
    return &select<kC>;
  } else {
    return nullptr;
  }
});

}  // namespace

namespace handlers {

Handler vector_const() {
  return &constant;
}
Handler vector_select(Operand condition) {
  return kSelect[operand_index(condition)];
}
Handler vector_global_get() {
  return &quoll::wasm::global_get;
}
Handler vector_global_set() {
  return &quoll::wasm::global_set;
}

}  // namespace handlers
}  // namespace quoll::wasm
