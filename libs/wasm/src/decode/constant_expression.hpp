// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ConstantExpression: the initialisers of globals, segments and elements.
#pragma once

#include <cstdint>

#include <quoll/wasm/module.hpp>
#include <quoll/wasm/types.hpp>

#include "decode/reader.hpp"

namespace quoll::wasm {

/// One constant expression, checked against the module that it stands in. Its value depends on
/// the instance when it names a global or a function.
class ConstantExpression {
 public:
  enum class Kind : std::uint8_t { kNumber, kNull, kFunction, kGlobal };

  /// Reads up to and including `end`; the result has to be of type `expected`.
  bool read(Reader& reader, const Module& module, ValueType expected);

  Kind kind() const { return kind_; }
  /// The number's bits; those of an i32 are sign-extended.
  std::uint64_t bits() const { return bits_; }
  bool has_function() const { return kind_ == Kind::kFunction; }
  std::uint32_t function() const { return index_; }
  std::uint32_t global() const { return index_; }

 private:
  bool read_instruction(Reader& reader, const Module& module, bool& ended);

  Kind kind_ = Kind::kNumber;
  ValueType type_ = ValueType::kI32;
  std::uint32_t values_ = 0;
  std::uint32_t index_ = 0;
  std::uint64_t bits_ = 0;
};

}  // namespace quoll::wasm
