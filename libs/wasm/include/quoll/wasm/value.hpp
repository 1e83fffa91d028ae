// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A WebAssembly value as the embedder sees it.
#pragma once

#include <bit>
#include <cstdint>

#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

class Func;

/// A value with its type. Lane 0 of a vector is in the lowest bits of its low half.
///
/// References: a null is all zero bits; an external reference is any other 64-bit number of the
/// embedder's choice.
class Value {
 public:
  constexpr Value() = default;
  static constexpr Value i32(std::uint32_t v) { return Value(ValueType::kI32, v); }
  static constexpr Value i64(std::uint64_t v) { return Value(ValueType::kI64, v); }
  static constexpr Value f32(float v) { return f32_bits(std::bit_cast<std::uint32_t>(v)); }
  static constexpr Value f64(double v) { return f64_bits(std::bit_cast<std::uint64_t>(v)); }
  static constexpr Value f32_bits(std::uint32_t v) { return Value(ValueType::kF32, v); }
  static constexpr Value f64_bits(std::uint64_t v) { return Value(ValueType::kF64, v); }
  static constexpr Value v128(std::uint64_t low, std::uint64_t high) {
    return from_bits(ValueType::kV128, low, high);
  }
  static constexpr Value externref(std::uint64_t v) { return Value(ValueType::kExternRef, v); }
  static Value funcref(const Func* func) {
    return Value(ValueType::kFuncRef, std::bit_cast<std::uint64_t>(func));
  }
  /// A value of `type` from its bits; those beyond the type's width are dropped.
  static constexpr Value from_bits(ValueType type, std::uint64_t bits, std::uint64_t high = 0) {
    const bool narrow = type == ValueType::kI32 || type == ValueType::kF32;
    return Value(type, narrow ? bits & 0xffffffffu : bits, type == ValueType::kV128 ? high : 0);
  }

  constexpr ValueType type() const { return type_; }
  constexpr std::uint64_t bits() const { return low_; }
  /// The upper half of a vector; zero for every other type.
  constexpr std::uint64_t high_bits() const { return high_; }
  constexpr std::uint32_t as_i32() const { return static_cast<std::uint32_t>(low_); }
  constexpr std::uint64_t as_i64() const { return low_; }
  constexpr float as_f32() const { return std::bit_cast<float>(as_i32()); }
  constexpr double as_f64() const { return std::bit_cast<double>(low_); }
  constexpr bool is_null() const { return low_ == 0; }
  Func* as_funcref() const { return std::bit_cast<Func*>(low_); }

 private:
  constexpr Value(ValueType type, std::uint64_t low, std::uint64_t high = 0)
      : low_(low), high_(high), type_(type) {}

  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
  ValueType type_ = ValueType::kI32;
};

}  // namespace quoll::wasm
