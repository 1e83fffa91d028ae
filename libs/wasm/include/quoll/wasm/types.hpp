// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The types of WebAssembly: values, functions, tables, memories, globals.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace quoll::wasm {

/// The type of a value, numbered as in the binary format.
enum class ValueType : std::uint8_t {
  kI32 = 0x7f,
  kI64 = 0x7e,
  kF32 = 0x7d,
  kF64 = 0x7c,
  kV128 = 0x7b,
  kFuncRef = 0x70,
  kExternRef = 0x6f,
};

constexpr bool is_reference(ValueType type) noexcept {
  return type == ValueType::kFuncRef || type == ValueType::kExternRef;
}
constexpr bool is_float(ValueType type) noexcept {
  return type == ValueType::kF32 || type == ValueType::kF64;
}
/// How many slots of eight bytes a value takes.
constexpr std::uint32_t slot_count(ValueType type) noexcept {
  return type == ValueType::kV128 ? 2 : 1;
}
constexpr std::uint32_t slot_count(std::span<const ValueType> types) noexcept {
  std::uint32_t slots = 0;
  for (const ValueType type : types) slots += slot_count(type);
  return slots;
}
/// The type's name in the text format.
const char* name(ValueType type) noexcept;

/// What a module can import or export, numbered as in the binary format.
enum class ExternKind : std::uint8_t { kFunction = 0, kTable = 1, kMemory = 2, kGlobal = 3 };
const char* name(ExternKind kind) noexcept;

/// A function's parameters and results; a view of types that somebody else keeps.
struct FuncType {
  std::span<const ValueType> parameters;
  std::span<const ValueType> results;

  friend bool operator==(const FuncType& a, const FuncType& b) noexcept {
    return std::ranges::equal(a.parameters, b.parameters) &&
           std::ranges::equal(a.results, b.results);
  }
};

/// Size of a table or memory: the least, and the most if there is one.
struct Limits {
  std::uint64_t minimum = 0;
  std::uint64_t maximum = 0;
  bool has_maximum = false;
};

/// How wide the addresses of a memory, or the indices of a table, are.
enum class AddressType : std::uint8_t { k32, k64 };

/// The type of such an address on the operand stack.
constexpr ValueType value_type(AddressType type) noexcept {
  return type == AddressType::k64 ? ValueType::kI64 : ValueType::kI32;
}

/// The type of a count of what is copied from one to the other.
constexpr AddressType narrower(AddressType a, AddressType b) noexcept {
  return a == AddressType::k64 && b == AddressType::k64 ? AddressType::k64 : AddressType::k32;
}

struct TableType {
  ValueType element = ValueType::kFuncRef;
  Limits limits;
  AddressType address = AddressType::k32;
};

/// Limits in pages of 64 KiB.
struct MemoryType {
  Limits limits;
  AddressType address = AddressType::k32;
};

enum class Mutability : std::uint8_t { kConst = 0, kVar = 1 };

struct GlobalType {
  ValueType value = ValueType::kI32;
  Mutability mutability = Mutability::kConst;

  friend bool operator==(const GlobalType&, const GlobalType&) = default;
};

}  // namespace quoll::wasm
