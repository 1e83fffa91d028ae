// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/constant_expression.hpp"

#include <bit>

#include "decode/read_opcode.hpp"
#include "interpret/operands.hpp"

namespace quoll::wasm {

bool ConstantExpression::read(Reader& reader, ValueType expected) {
  const std::uint64_t start = reader.offset();
  height_ = 0;
  more_.clear();
  has_function_ = false;
  for (bool ended = false; !ended;) {
    if (!read_instruction(reader, ended)) return false;
  }
  if (height_ != 1 || few_[0].type != expected) return reader.fail(Rule::kTypeMismatch, start);
  return true;
}

bool ConstantExpression::read_instruction(Reader& reader, bool& ended) {
  const std::uint64_t at = reader.offset();
  Opcode opcode;
  if (!read_opcode(reader, opcode)) return false;
  switch (opcode) {
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kF32Const:
    case Opcode::kF64Const:
    case Opcode::kV128Const:
      return read_constant(reader, opcode);
    case Opcode::kRefNull:
      return read_null(reader);
    case Opcode::kRefFunc:
      return read_function(reader, at);
    case Opcode::kGlobalGet:
      return read_global(reader, at);
    case Opcode::kI32Add:
    case Opcode::kI32Sub:
    case Opcode::kI32Mul:
    case Opcode::kI64Add:
    case Opcode::kI64Sub:
    case Opcode::kI64Mul:
      return read_arithmetic(reader, opcode, at);
    case Opcode::kEnd:
      ended = true;
      return true;
    default:
      return reader.fail(Rule::kConstantExpected, at);
  }
}

bool ConstantExpression::read_constant(Reader& reader, Opcode opcode) {
  switch (opcode) {
    case Opcode::kI32Const: {
      std::int32_t v;
      return reader.read_s32(v) &&
             push(reader, ValueType::kI32, sign_extend(static_cast<std::uint32_t>(v)));
    }
    case Opcode::kI64Const: {
      std::int64_t v;
      return reader.read_s64(v) && push(reader, ValueType::kI64, static_cast<std::uint64_t>(v));
    }
    case Opcode::kF32Const: {
      std::uint32_t v;
      return reader.read_fixed32(v) && push(reader, ValueType::kF32, v);
    }
    case Opcode::kF64Const: {
      std::uint64_t v;
      return reader.read_fixed64(v) && push(reader, ValueType::kF64, v);
    }
    default: {
      std::uint64_t low;
      std::uint64_t high;
      return reader.read_fixed64(low) && reader.read_fixed64(high) &&
             push(reader, ValueType::kV128, low, high);
    }
  }
}

bool ConstantExpression::read_null(Reader& reader) {
  const std::uint64_t at = reader.offset();
  std::uint8_t byte;
  if (!reader.read_byte(byte)) return false;
  const auto type = static_cast<ValueType>(byte);
  if (!is_reference(type)) return reader.fail(Rule::kMalformedReferenceType, at);
  return push(reader, type, 0);
}

bool ConstantExpression::read_function(Reader& reader, std::uint64_t at) {
  if (!reader.read_u32(function_)) return false;
  if (function_ >= module_.function_count()) return reader.fail(Rule::kUnknownFunction, at);
  has_function_ = true;
  const std::uint64_t bits =
      instance_ == nullptr ? 0 : std::bit_cast<std::uint64_t>(&instance_->function(function_));
  return push(reader, ValueType::kFuncRef, bits);
}

bool ConstantExpression::read_global(Reader& reader, std::uint64_t at) {
  std::uint32_t index;
  if (!reader.read_u32(index)) return false;
  if (index >= module_.globals().size()) return reader.fail(Rule::kUnknownGlobal, at);
  if (index >= module_.imported_global_count() &&
      !module_.features().has(Feature::kExtendedConstants)) {
    return reader.fail_without(Feature::kExtendedConstants, Rule::kUnknownGlobal, at);
  }
  const GlobalType& global = module_.globals()[index];
  if (global.mutability != Mutability::kConst) return reader.fail(Rule::kConstantExpected, at);
  if (instance_ == nullptr) return push(reader, global.value, 0);
  const Value value = instance_->global(index).get();
  return push(reader, global.value, slot_value(value), value.high_bits());
}

bool ConstantExpression::read_arithmetic(Reader& reader, Opcode opcode, std::uint64_t at) {
  if (!module_.features().has(Feature::kExtendedConstants)) {
    return reader.fail_without(Feature::kExtendedConstants, Rule::kConstantExpected, at);
  }
  const OpcodeInfo& info = quoll::wasm::info(opcode);
  Entry a;
  Entry b;
  if (!pop(reader, info.result, b) || !pop(reader, info.result, a)) return false;
  std::uint64_t result = a.bits + b.bits;
  if (info.operation == Operation::kSub) result = a.bits - b.bits;
  if (info.operation == Operation::kMul) result = a.bits * b.bits;
  if (info.result == ValueType::kI32) result = sign_extend(static_cast<std::uint32_t>(result));
  return push(reader, info.result, result);
}

bool ConstantExpression::push(Reader& reader, ValueType type, std::uint64_t bits,
                              std::uint64_t high) {
  const Entry entry{type, bits, high};
  if (height_ < kFew) {
    few_[height_] = entry;
  } else if (!more_.try_push_back(entry)) {
    return reader.fail(Rule::kOutOfMemory);
  }
  ++height_;
  return true;
}

bool ConstantExpression::pop(Reader& reader, ValueType expected, Entry& out) {
  if (height_ == 0) return reader.fail(Rule::kTypeMismatch);
  --height_;
  if (height_ < kFew) {
    out = few_[height_];
  } else {
    out = more_.back();
    more_.pop_back();
  }
  return out.type == expected || reader.fail(Rule::kTypeMismatch);
}

}  // namespace quoll::wasm
