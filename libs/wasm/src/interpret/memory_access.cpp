// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores.
#include "interpret/addressing.hpp"
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <Addressing G, typename M, Operand A, Operand D>
void int_load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, sizeof(M), at);
  const auto value = static_cast<std::int64_t>(peek<M>(at));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_PUT(D, kFieldB, static_cast<std::uint64_t>(value));
  QUOLL_WASM_NEXT(kAccessWords<G>);
}

/// An immediate value stands behind the rest of the cell.
template <Addressing G, typename M, Operand A, Operand V>
void int_store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, sizeof(M), at);
  if constexpr (V == Operand::kImmediate) {
    poke(at, static_cast<M>(peek<std::int64_t>(pc + kAccessWords<G> * kWordBytes)));
  } else {
    poke(at, QUOLL_WASM_GET(M, V, kFieldB));
  }
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(kAccessWords<G> + (V == Operand::kImmediate ? 1 : 0));
}

template <Addressing G, typename F, Operand A, Operand D>
void float_load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, sizeof(F), at);
  const F value = peek<F>(at);
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_PUT_FLOAT(F, D, kFieldB, value);
  QUOLL_WASM_NEXT(kAccessWords<G>);
}

template <Addressing G, typename F, Operand A, Operand V>
void float_store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_LOCATE(G, A, sizeof(F), at);
  poke(at, QUOLL_WASM_GET_FLOAT(F, V, kFieldB));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(kAccessWords<G>);
}

/// Which handlers exist: all of them for the memory in registers, those of slots for others.
template <Addressing G, Operand A, Operand B>
constexpr bool kIsAccess = kIsFirst<G> || (A == Operand::kSlot && B == Operand::kSlot);

template <Addressing G, typename M>
constexpr auto kIntLoad = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (kIsAccess<G, a, d> && is_writable(d)) {
    return &int_load<G, M, a, d>;
  } else {
    return nullptr;
  }
});
template <Addressing G, typename M>
constexpr auto kIntStore = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand v = operand_digit<I, 1>();
  if constexpr (kIsAccess<G, a, v>) {
    return &int_store<G, M, a, v>;
  } else {
    return nullptr;
  }
});
template <Addressing G, typename F>
constexpr auto kFloatLoad = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (kIsAccess<G, a, d> && is_writable(d) && (sizeof(F) == 8 || is_single(d))) {
    return &float_load<G, F, a, d>;
  } else {
    return nullptr;
  }
});
template <Addressing G, typename F>
constexpr auto kFloatStore = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand v = operand_digit<I, 1>();
  if constexpr (kIsAccess<G, a, v> && is_writable(v) && (sizeof(F) == 8 || is_single(v))) {
    return &float_store<G, F, a, v>;
  } else {
    return nullptr;
  }
});

template <Addressing G>
Handler find_int_load(Operation op, std::size_t index) {
  switch (op) {
    case Operation::kLoad8S:
      return kIntLoad<G, std::int8_t>[index];
    case Operation::kLoad8U:
      return kIntLoad<G, std::uint8_t>[index];
    case Operation::kLoad16S:
      return kIntLoad<G, std::int16_t>[index];
    case Operation::kLoad16U:
      return kIntLoad<G, std::uint16_t>[index];
    case Operation::kLoad32:
      return kIntLoad<G, std::int32_t>[index];
    case Operation::kLoad32U:
      return kIntLoad<G, std::uint32_t>[index];
    case Operation::kLoad64:
      return kIntLoad<G, std::int64_t>[index];
    default:
      return nullptr;
  }
}

template <Addressing G>
Handler find_int_store(Operation op, std::size_t index) {
  switch (op) {
    case Operation::kStore8:
      return kIntStore<G, std::uint8_t>[index];
    case Operation::kStore16:
      return kIntStore<G, std::uint16_t>[index];
    case Operation::kStore32:
      return kIntStore<G, std::uint32_t>[index];
    case Operation::kStore64:
      return kIntStore<G, std::uint64_t>[index];
    default:
      return nullptr;
  }
}

template <Addressing G>
Handler find_float_load(Width width, std::size_t index) {
  return width == Width::k32 ? kFloatLoad<G, float>[index] : kFloatLoad<G, double>[index];
}

template <Addressing G>
Handler find_float_store(Width width, std::size_t index) {
  return width == Width::k32 ? kFloatStore<G, float>[index] : kFloatStore<G, double>[index];
}

}  // namespace

namespace handlers {

Handler int_load(Operation op, Addressing g, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  switch (g) {
    case Addressing::kFirst32:
      return find_int_load<Addressing::kFirst32>(op, index);
    case Addressing::kFirst64:
      return find_int_load<Addressing::kFirst64>(op, index);
    case Addressing::kAny32:
      return find_int_load<Addressing::kAny32>(op, index);
    case Addressing::kAny64:
      return find_int_load<Addressing::kAny64>(op, index);
  }
  return nullptr;
}

Handler int_store(Operation op, Addressing g, Operand a, Operand value) {
  const std::size_t index = operand_index(a, value);
  switch (g) {
    case Addressing::kFirst32:
      return find_int_store<Addressing::kFirst32>(op, index);
    case Addressing::kFirst64:
      return find_int_store<Addressing::kFirst64>(op, index);
    case Addressing::kAny32:
      return find_int_store<Addressing::kAny32>(op, index);
    case Addressing::kAny64:
      return find_int_store<Addressing::kAny64>(op, index);
  }
  return nullptr;
}

Handler float_load(Width width, Addressing g, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  switch (g) {
    case Addressing::kFirst32:
      return find_float_load<Addressing::kFirst32>(width, index);
    case Addressing::kFirst64:
      return find_float_load<Addressing::kFirst64>(width, index);
    case Addressing::kAny32:
      return find_float_load<Addressing::kAny32>(width, index);
    case Addressing::kAny64:
      return find_float_load<Addressing::kAny64>(width, index);
  }
  return nullptr;
}

Handler float_store(Width width, Addressing g, Operand a, Operand value) {
  const std::size_t index = operand_index(a, value);
  switch (g) {
    case Addressing::kFirst32:
      return find_float_store<Addressing::kFirst32>(width, index);
    case Addressing::kFirst64:
      return find_float_store<Addressing::kFirst64>(width, index);
    case Addressing::kAny32:
      return find_float_store<Addressing::kAny32>(width, index);
    case Addressing::kAny64:
      return find_float_store<Addressing::kAny64>(width, index);
  }
  return nullptr;
}

}  // namespace handlers
}  // namespace quoll::wasm
