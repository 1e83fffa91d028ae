// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ConstantExpression: the initialisers of globals, segments and elements.
#pragma once

#include <cstdint>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/opcodes.hpp>
#include <quoll/wasm/types.hpp>

#include "decode/reader.hpp"

namespace quoll::wasm {

/// Reads constant expressions: checks them against the module that they stand in, and works out
/// their values if there is an instance, because they may name its globals and functions. One
/// object can be used for many, one after another.
class ConstantExpression {
 public:
  /// For validation. Globals are visible as far as the module has them by then.
  explicit ConstantExpression(const Module& module) : module_(module) {}
  /// For evaluation of validated expressions, whose globals exist.
  explicit ConstantExpression(const Instance& instance)
      : module_(instance.module()), instance_(&instance) {}

  /// Reads up to and including `end`; the result has to be of type `expected`. A validated
  /// expression can fail only because memory is short.
  bool read(Reader& reader, ValueType expected);

  /// The result. *Requires*: there is an instance, and `read` has succeeded.
  Value value() const { return Value::from_bits(few_[0].type, few_[0].bits, few_[0].high); }
  /// The function that the expression last read refers to, if it does.
  bool has_function() const { return has_function_; }
  std::uint32_t function() const { return function_; }

 private:
  struct Entry {
    ValueType type = ValueType::kI32;
    std::uint64_t bits = 0;
    std::uint64_t high = 0;  ///< of a vector
  };

  bool read_instruction(Reader& reader, bool& ended);
  bool read_constant(Reader& reader, Opcode opcode);
  bool read_null(Reader& reader);
  bool read_function(Reader& reader, std::uint64_t at);
  bool read_global(Reader& reader, std::uint64_t at);
  bool read_arithmetic(Reader& reader, Opcode opcode, std::uint64_t at);
  bool push(Reader& reader, ValueType type, std::uint64_t bits, std::uint64_t high = 0);
  bool pop(Reader& reader, ValueType expected, Entry& out);

  // Nearly all expressions are one instruction: they do not allocate.
  static constexpr std::uint32_t kFew = 4;

  const Module& module_;
  const Instance* instance_ = nullptr;
  std::uint32_t height_ = 0;
  Entry few_[kFew];
  containers::Vector<Entry> more_;
  bool has_function_ = false;
  std::uint32_t function_ = 0;
};

}  // namespace quoll::wasm
