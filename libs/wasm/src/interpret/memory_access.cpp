// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores.
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

/// How an access is kept inside the memory: by a comparison with its size, or by the unmapped
/// pages behind it, where the embedder has address space for 8 GiB per memory.
enum class Bounds : std::uint8_t { kChecked, kGuarded };

constexpr Bounds kBounds = Bounds::kChecked;

// An access can fault: on a guard page, or because the machine has no page left. Until it is done,
// `pc` stays at the cell, where whoever looks into the fault finds it.
#define QUOLL_WASM_ACCESS_DONE() asm volatile("" : "+r"(pc) : : "memory")

/// The effective address, which needs 33 bits. A constant address is part of the offset.
template <Operand A>
[[gnu::always_inline]] inline std::uint64_t effective_address(const std::uint8_t* pc,
                                                              const std::uint8_t* fp,
                                                              std::uint64_t acc, std::uint64_t pin0,
                                                              std::uint64_t pin1) {
  const std::uint64_t offset = peek<std::uint32_t>(pc + kFieldImmediate);
  if constexpr (A == Operand::kImmediate) {
    return offset;
  } else {
    return offset + QUOLL_WASM_GET(std::uint32_t, A, kFieldA);
  }
}

template <Bounds B>
[[gnu::always_inline]] inline bool is_outside(std::uint64_t address, std::uint64_t width,
                                              std::uint64_t mem_size) {
  return B == Bounds::kChecked && address + width > mem_size;
}

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
