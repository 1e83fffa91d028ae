// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores.
#include "interpret/effective_address.hpp"

namespace quoll::wasm {
namespace {

template <Bounds B, typename M, Operand A, Operand D>
void int_load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, sizeof(M), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  const auto value = static_cast<std::int64_t>(peek<M>(mem + address));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_PUT(D, kFieldB, static_cast<std::uint64_t>(value));
  QUOLL_WASM_NEXT(2);
}

template <Bounds B, typename M, Operand A, Operand V>
void int_store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, sizeof(M), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  if constexpr (V == Operand::kImmediate) {
    poke(mem + address, static_cast<M>(peek<std::int64_t>(pc + kFieldExtra)));
  } else {
    poke(mem + address, QUOLL_WASM_GET(M, V, kFieldB));
  }
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(V == Operand::kImmediate ? 3 : 2);
}

template <Bounds B, typename F, Operand A, Operand D>
void float_load(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, sizeof(F), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  const F value = peek<F>(mem + address);
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_PUT_FLOAT(F, D, kFieldB, value);
  QUOLL_WASM_NEXT(2);
}

template <Bounds B, typename F, Operand A, Operand V>
void float_store(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t address = effective_address<A>(pc, fp, acc, pin0, pin1);
  if (is_outside<B>(address, sizeof(F), mem_size)) [[unlikely]] {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  poke(mem + address, QUOLL_WASM_GET_FLOAT(F, V, kFieldB));
  QUOLL_WASM_ACCESS_DONE();
  QUOLL_WASM_NEXT(2);
}

template <typename M>
constexpr auto kIntLoad = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (is_writable(d)) {
    return &int_load<kBounds, M, a, d>;
  } else {
    return nullptr;
  }
});
template <typename M>
constexpr auto kIntStore = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  return &int_store<kBounds, M, operand_digit<I, 0>(), operand_digit<I, 1>()>;
});
template <typename F>
constexpr auto kFloatLoad = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand d = operand_digit<I, 1>();
  if constexpr (is_writable(d) && (sizeof(F) == 8 || is_single(d))) {
    return &float_load<kBounds, F, a, d>;
  } else {
    return nullptr;
  }
});
template <typename F>
constexpr auto kFloatStore = make_handlers<kTwoOperands>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  constexpr Operand v = operand_digit<I, 1>();
  if constexpr (is_writable(v) && (sizeof(F) == 8 || is_single(v))) {
    return &float_store<kBounds, F, a, v>;
  } else {
    return nullptr;
  }
});

}  // namespace

namespace handlers {

Handler int_load(Operation op, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  switch (op) {
    case Operation::kLoad8S:
      return kIntLoad<std::int8_t>[index];
    case Operation::kLoad8U:
      return kIntLoad<std::uint8_t>[index];
    case Operation::kLoad16S:
      return kIntLoad<std::int16_t>[index];
    case Operation::kLoad16U:
      return kIntLoad<std::uint16_t>[index];
    case Operation::kLoad32:
      return kIntLoad<std::int32_t>[index];
    case Operation::kLoad32U:
      return kIntLoad<std::uint32_t>[index];
    case Operation::kLoad64:
      return kIntLoad<std::int64_t>[index];
    default:
      return nullptr;
  }
}

Handler int_store(Operation op, Operand a, Operand value) {
  const std::size_t index = operand_index(a, value);
  switch (op) {
    case Operation::kStore8:
      return kIntStore<std::uint8_t>[index];
    case Operation::kStore16:
      return kIntStore<std::uint16_t>[index];
    case Operation::kStore32:
      return kIntStore<std::uint32_t>[index];
    case Operation::kStore64:
      return kIntStore<std::uint64_t>[index];
    default:
      return nullptr;
  }
}

Handler float_load(Width width, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  return width == Width::k32 ? kFloatLoad<float>[index] : kFloatLoad<double>[index];
}

Handler float_store(Width width, Operand a, Operand value) {
  const std::size_t index = operand_index(a, value);
  return width == Width::k32 ? kFloatStore<float>[index] : kFloatStore<double>[index];
}

}  // namespace handlers
}  // namespace quoll::wasm
