// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operand classes: where a handler finds its operands and leaves its result.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "interpret/handler.hpp"

namespace quoll::wasm {

/// A handler exists for each combination of classes that is worth one. As a destination, `kSlot`
/// writes the accumulator too, so that the next cell can take the value from there.
enum class Operand : std::uint8_t { kSlot, kImmediate, kAccumulator, kPin0, kPin1 };
inline constexpr std::size_t kOperandClasses = 5;

constexpr bool is_pin(Operand c) {
  return c == Operand::kPin0 || c == Operand::kPin1;
}
constexpr bool is_writable(Operand c) {
  return c != Operand::kImmediate;
}

/// A table of `N` handlers; `make.operator()<I>()` gives the one at I, or null.
template <std::size_t N, typename Make>
constexpr std::array<Handler, N> make_handlers(Make make) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Handler, N> { make.template operator()<I>()... };
  }(std::make_index_sequence<N>{});
}

/// The class that digit `Place` of index `I` stands for.
template <std::size_t I, std::size_t Place>
constexpr Operand operand_digit() {
  std::size_t rest = I;
  for (std::size_t p = 0; p < Place; ++p) rest /= kOperandClasses;
  return static_cast<Operand>(rest % kOperandClasses);
}
constexpr std::size_t operand_index(Operand c0, Operand c1 = Operand::kSlot,
                                    Operand c2 = Operand::kSlot) {
  return static_cast<std::size_t>(c0) + kOperandClasses * static_cast<std::size_t>(c1) +
         kOperandClasses * kOperandClasses * static_cast<std::size_t>(c2);
}
inline constexpr std::size_t kOneOperand = kOperandClasses;
inline constexpr std::size_t kTwoOperands = kOperandClasses * kOperandClasses;
inline constexpr std::size_t kThreeOperands = kTwoOperands * kOperandClasses;

// Fields of a cell. Offsets of slots are in bytes.
inline constexpr std::uint32_t kFieldA = 8;
inline constexpr std::uint32_t kFieldB = 10;
inline constexpr std::uint32_t kFieldC = 12;
inline constexpr std::uint32_t kFieldD = 14;
inline constexpr std::uint32_t kFieldImmediate = 12;
inline constexpr std::uint32_t kFieldExtra = 16;

[[gnu::always_inline]] inline std::uint64_t sign_extend(std::uint32_t v) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(v)));
}

/// Widens a result to what registers and slots hold.
template <typename T>
[[gnu::always_inline]] inline std::uint64_t widen(T v) {
  if constexpr (sizeof(T) == 4) {
    return sign_extend(static_cast<std::uint32_t>(v));
  } else {
    return static_cast<std::uint64_t>(v);
  }
}

/// A vector as two slots hold it.
struct VectorBits {
  std::uint64_t low;
  std::uint64_t high;
};

/// The bits of a value as a slot holds them: its only one, or the lower of a vector.
inline std::uint64_t slot_value(const Value& value) {
  return value.type() == ValueType::kI32 ? sign_extend(value.as_i32()) : value.bits();
}

/// An integer operand as it is held: sign-extended if it is an i32.
template <typename T, Operand C>
[[gnu::always_inline]] inline std::uint64_t get_wide(const std::uint8_t* pc, const std::uint8_t* fp,
                                                     std::uint32_t field, std::uint64_t acc,
                                                     std::uint64_t pin0, std::uint64_t pin1) {
  if constexpr (C == Operand::kSlot) {
    const std::uint8_t* slot = fp + peek<std::uint16_t>(pc + field);
    if constexpr (sizeof(T) == 4) {
      return sign_extend(peek<std::uint32_t>(slot));
    } else {
      return peek<std::uint64_t>(slot);
    }
  } else if constexpr (C == Operand::kImmediate) {
    return sign_extend(peek<std::uint32_t>(pc + kFieldImmediate));
  } else if constexpr (C == Operand::kAccumulator) {
    return acc;
  } else if constexpr (C == Operand::kPin0) {
    return pin0;
  } else {
    return pin1;
  }
}

/// An integer operand of its own width.
template <typename T, Operand C>
[[gnu::always_inline]] inline T get(const std::uint8_t* pc, const std::uint8_t* fp,
                                    std::uint32_t field, std::uint64_t acc, std::uint64_t pin0,
                                    std::uint64_t pin1) {
  if constexpr (C == Operand::kSlot) {
    return peek<T>(fp + peek<std::uint16_t>(pc + field));
  } else {
    return static_cast<T>(get_wide<T, C>(pc, fp, field, acc, pin0, pin1));
  }
}

/// Leaves a widened integer result.
template <Operand D>
[[gnu::always_inline]] inline void put(const std::uint8_t* pc, std::uint8_t* fp,
                                       std::uint32_t field, std::uint64_t value, std::uint64_t& acc,
                                       std::uint64_t& pin0, std::uint64_t& pin1) {
  if constexpr (D == Operand::kSlot) {
    acc = value;
    poke(fp + peek<std::uint16_t>(pc + field), value);
  } else if constexpr (D == Operand::kAccumulator) {
    acc = value;
  } else if constexpr (D == Operand::kPin0) {
    pin0 = value;
  } else {
    pin1 = value;
  }
}

/// A floating-point operand. An f64 immediate stands in the third word.
template <typename T, Operand C>
[[gnu::always_inline]] inline T get_float(const std::uint8_t* pc, const std::uint8_t* fp,
                                          std::uint32_t field, double dacc, double dpin0,
                                          double dpin1, float facc) {
  if constexpr (C == Operand::kSlot) {
    return peek<T>(fp + peek<std::uint16_t>(pc + field));
  } else if constexpr (C == Operand::kImmediate) {
    return peek<T>(pc + (sizeof(T) == 8 ? kFieldExtra : kFieldImmediate));
  } else if constexpr (C == Operand::kAccumulator) {
    if constexpr (sizeof(T) == 8) {
      return dacc;
    } else {
      return facc;
    }
  } else if constexpr (C == Operand::kPin0) {
    static_assert(sizeof(T) == 8);
    return dpin0;
  } else {
    static_assert(sizeof(T) == 8);
    return dpin1;
  }
}

template <typename T, Operand D>
[[gnu::always_inline]] inline void put_float(const std::uint8_t* pc, std::uint8_t* fp,
                                             std::uint32_t field, T value, double& dacc,
                                             double& dpin0, double& dpin1, float& facc) {
  if constexpr (D == Operand::kSlot || D == Operand::kAccumulator) {
    if constexpr (sizeof(T) == 8) {
      dacc = value;
    } else {
      facc = value;
    }
    if constexpr (D == Operand::kSlot) poke(fp + peek<std::uint16_t>(pc + field), value);
  } else if constexpr (D == Operand::kPin0) {
    static_assert(sizeof(T) == 8);
    dpin0 = value;
  } else {
    static_assert(sizeof(T) == 8);
    dpin1 = value;
  }
}

// Shorthand for handlers, which have all registers in scope.
#define QUOLL_WASM_GET(T, C, field) ::quoll::wasm::get<T, C>(pc, fp, field, acc, pin0, pin1)
#define QUOLL_WASM_GET_WIDE(T, C, field) \
  ::quoll::wasm::get_wide<T, C>(pc, fp, field, acc, pin0, pin1)
#define QUOLL_WASM_PUT(D, field, value) ::quoll::wasm::put<D>(pc, fp, field, value, acc, pin0, pin1)
#define QUOLL_WASM_GET_FLOAT(T, C, field) \
  ::quoll::wasm::get_float<T, C>(pc, fp, field, dacc, dpin0, dpin1, facc)
#define QUOLL_WASM_PUT_FLOAT(T, D, field, value) \
  ::quoll::wasm::put_float<T, D>(pc, fp, field, value, dacc, dpin0, dpin1, facc)

/// Where the fields of a cell with two operands and a result are: an immediate takes the upper
/// half of the word, and the other operand and the result stand in the lower.
template <Operand A, Operand B>
struct BinaryFields {
  static constexpr std::uint32_t kA = kFieldA;
  static constexpr std::uint32_t kB = A == Operand::kImmediate ? kFieldA : kFieldB;
  static constexpr std::uint32_t kD =
      A == Operand::kImmediate || B == Operand::kImmediate ? kFieldB : kFieldC;
};

/// Whether classes of two operands can stand together: at most one immediate.
constexpr bool is_operand_pair(Operand a, Operand b) {
  return a != Operand::kImmediate || b != Operand::kImmediate;
}
/// What single-precision handlers take: there are no pins for f32.
constexpr bool is_single(Operand c) {
  return !is_pin(c);
}
/// The classes for which rarely used operations have handlers.
constexpr bool is_basic(Operand c) {
  return c == Operand::kSlot || c == Operand::kAccumulator;
}

}  // namespace quoll::wasm
