// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Moves between slots, pins and accumulators; select; global variables.
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

// Moves to a slot leave the accumulator alone: the translator materialises values between a
// producer and its consumer.

template <Operand A>
void store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(fp + peek<std::uint16_t>(pc + kFieldB), QUOLL_WASM_GET_WIDE(std::uint64_t, A, kFieldA));
  QUOLL_WASM_NEXT(2);
}

template <Operand A, Operand D>
void move(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB, QUOLL_WASM_GET_WIDE(std::uint64_t, A, kFieldA));
  QUOLL_WASM_NEXT(2);
}

void store_constant(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(fp + peek<std::uint16_t>(pc + kFieldB), peek<std::uint64_t>(pc + kFieldExtra));
  QUOLL_WASM_NEXT(3);
}

template <Operand D>
void move_constant(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB, peek<std::uint64_t>(pc + kFieldExtra));
  QUOLL_WASM_NEXT(3);
}

template <typename F, Operand A>
void float_store_slot(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(fp + peek<std::uint16_t>(pc + kFieldB), QUOLL_WASM_GET_FLOAT(F, A, kFieldA));
  QUOLL_WASM_NEXT(2);
}

template <Operand A, Operand D>
void float_move(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT_FLOAT(double, D, kFieldB, QUOLL_WASM_GET_FLOAT(double, A, kFieldA));
  QUOLL_WASM_NEXT(2);
}

template <Operand D>
void float_move_constant(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT_FLOAT(double, D, kFieldB, peek<double>(pc + kFieldExtra));
  QUOLL_WASM_NEXT(3);
}

void wide_move(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(fp + peek<std::uint32_t>(pc + kFieldImmediate),
       peek<std::uint64_t>(fp + peek<std::uint32_t>(pc + kFieldA)));
  QUOLL_WASM_NEXT(2);
}

void wide_move_vector(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(fp + peek<std::uint32_t>(pc + kFieldImmediate),
       peek<VectorBits>(fp + peek<std::uint32_t>(pc + kFieldA)));
  QUOLL_WASM_NEXT(2);
}

void copy_slots(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::memmove(fp + peek<std::uint32_t>(pc + kFieldImmediate),
               fp + peek<std::uint32_t>(pc + kFieldA), peek<std::uint64_t>(pc + kFieldExtra));
  QUOLL_WASM_NEXT(3);
}

void zero_slots(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::memset(fp + peek<std::uint32_t>(pc + kFieldA), 0, peek<std::uint32_t>(pc + kFieldImmediate));
  QUOLL_WASM_NEXT(2);
}

template <Operand A, Operand B, Operand C, Operand D>
void select(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint32_t condition = QUOLL_WASM_GET(std::uint32_t, C, kFieldC);
  const std::uint64_t a = QUOLL_WASM_GET_WIDE(std::uint64_t, A, kFieldA);
  const std::uint64_t b = QUOLL_WASM_GET_WIDE(std::uint64_t, B, kFieldB);
  QUOLL_WASM_PUT(D, kFieldD, condition != 0 ? a : b);
  QUOLL_WASM_NEXT(2);
}

[[gnu::always_inline]] inline std::uint8_t* variable(const std::uint8_t* pc) {
  return peek<std::uint8_t*>(pc + kFieldExtra);
}

template <Operand D>
void global_get(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB, peek<std::uint64_t>(variable(pc)));
  QUOLL_WASM_NEXT(3);
}

template <Operand A>
void global_set(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  poke(variable(pc), QUOLL_WASM_GET_WIDE(std::uint64_t, A, kFieldA));
  QUOLL_WASM_NEXT(3);
}

constexpr auto kStore = make_handlers<kOneOperand>(
    []<std::size_t I>() -> Handler { return &store<operand_digit<I, 0>()>; });
constexpr auto kMove = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (is_pin(d) || d == Operand::kAccumulator) {
    return &move<operand_digit<I, 0>(), d>;
  } else {
    return nullptr;
  }
});
constexpr auto kFloatMove = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (is_writable(a) && is_pin(d)) {
    return &float_move<a, d>;
  } else {
    return nullptr;
  }
});
constexpr auto kGlobalGet = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand d = operand_digit<I, 0>();
  if constexpr (is_writable(d)) {
    return &global_get<d>;
  } else {
    return nullptr;
  }
});
constexpr auto kGlobalSet = make_handlers<kOneOperand>(
    []<std::size_t I>() -> Handler { return &global_set<operand_digit<I, 0>()>; });

template <Operand D>
constexpr auto kSelect = make_handlers<kThreeOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand b = operand_digit<I, 1>();
  constexpr Operand c = operand_digit<I, 2>();
  constexpr auto is_source = [](Operand x) { return x == Operand::kSlot || is_pin(x); };
  if constexpr (is_source(a) && is_source(b) && c != Operand::kImmediate) {
    return &select<a, b, c, D>;
  } else {
    return nullptr;
  }
});

}  // namespace

namespace handlers {

Handler store(Operand a) {
  return kStore[operand_index(a)];
}
Handler move(Operand a, Operand d) {
  return kMove[operand_index(a, d)];
}
Handler store_constant() {
  return &quoll::wasm::store_constant;
}
Handler move_constant(Operand d) {
  return d == Operand::kPin0 ? &quoll::wasm::move_constant<Operand::kPin0>
                             : &quoll::wasm::move_constant<Operand::kPin1>;
}
Handler float_store_slot(Width width, Operand a) {
  if (width == Width::k32) return &quoll::wasm::float_store_slot<float, Operand::kAccumulator>;
  return a == Operand::kPin0   ? &quoll::wasm::float_store_slot<double, Operand::kPin0>
         : a == Operand::kPin1 ? &quoll::wasm::float_store_slot<double, Operand::kPin1>
                               : &quoll::wasm::float_store_slot<double, Operand::kAccumulator>;
}
Handler float_move(Operand a, Operand d) {
  return kFloatMove[operand_index(a, d)];
}
Handler float_move_constant(Operand d) {
  return d == Operand::kPin0 ? &quoll::wasm::float_move_constant<Operand::kPin0>
                             : &quoll::wasm::float_move_constant<Operand::kPin1>;
}
Handler wide_move() {
  return &quoll::wasm::wide_move;
}
Handler wide_move_vector() {
  return &quoll::wasm::wide_move_vector;
}
Handler copy_slots() {
  return &quoll::wasm::copy_slots;
}
Handler zero_slots() {
  return &quoll::wasm::zero_slots;
}

Handler select(Operand a, Operand b, Operand condition, Operand d) {
  const std::size_t index = operand_index(a, b, condition);
  switch (d) {
    case Operand::kSlot:
      return kSelect<Operand::kSlot>[index];
    case Operand::kAccumulator:
      return kSelect<Operand::kAccumulator>[index];
    case Operand::kPin0:
      return kSelect<Operand::kPin0>[index];
    case Operand::kPin1:
      return kSelect<Operand::kPin1>[index];
    case Operand::kImmediate:
      break;
  }
  return nullptr;
}

Handler global_get(Operand d) {
  return kGlobalGet[operand_index(d)];
}
Handler global_set(Operand a) {
  return kGlobalSet[operand_index(a)];
}

}  // namespace handlers
}  // namespace quoll::wasm
