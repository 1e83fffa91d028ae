// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/constant_expression.hpp"

#include "decode/read_opcode.hpp"

namespace quoll::wasm {

bool ConstantExpression::read(Reader& reader, const Module& module, ValueType expected) {
  const std::uint64_t start = reader.offset();
  for (bool ended = false; !ended;) {
    if (!read_instruction(reader, module, ended)) return false;
  }
  if (values_ != 1 || type_ != expected) return reader.fail(Rule::kTypeMismatch, start);
  return true;
}

bool ConstantExpression::read_instruction(Reader& reader, const Module& module, bool& ended) {
  const std::uint64_t at = reader.offset();
  Opcode opcode;
  if (!read_opcode(reader, opcode)) return false;
  ++values_;
  switch (opcode) {
    case Opcode::kI32Const: {
      std::int32_t v;
      if (!reader.read_s32(v)) return false;
      bits_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
      kind_ = Kind::kNumber;
      type_ = ValueType::kI32;
      return true;
    }
    case Opcode::kI64Const: {
      std::int64_t v;
      if (!reader.read_s64(v)) return false;
      bits_ = static_cast<std::uint64_t>(v);
      kind_ = Kind::kNumber;
      type_ = ValueType::kI64;
      return true;
    }
    case Opcode::kF32Const: {
      std::uint32_t v;
      if (!reader.read_fixed32(v)) return false;
      bits_ = v;
      kind_ = Kind::kNumber;
      type_ = ValueType::kF32;
      return true;
    }
    case Opcode::kF64Const:
      kind_ = Kind::kNumber;
      type_ = ValueType::kF64;
      return reader.read_fixed64(bits_);
    case Opcode::kRefNull: {
      std::uint8_t byte;
      if (!reader.read_byte(byte)) return false;
      type_ = static_cast<ValueType>(byte);
      kind_ = Kind::kNull;
      if (!is_reference(type_)) return reader.fail(Rule::kMalformedReferenceType, at + 1);
      return true;
    }
    case Opcode::kRefFunc:
      if (!reader.read_u32(index_)) return false;
      kind_ = Kind::kFunction;
      type_ = ValueType::kFuncRef;
      if (index_ >= module.function_count()) return reader.fail(Rule::kUnknownFunction, at);
      return true;
    case Opcode::kGlobalGet: {
      if (!reader.read_u32(index_)) return false;
      kind_ = Kind::kGlobal;
      if (index_ >= module.imported_global_count()) return reader.fail(Rule::kUnknownGlobal, at);
      const GlobalType& global = module.globals()[index_];
      if (global.mutability != Mutability::kConst) {
        return reader.fail(Rule::kConstantExpected, at);
      }
      type_ = global.value;
      return true;
    }
    case Opcode::kEnd:
      --values_;
      ended = true;
      return true;
    default:
      return reader.fail(Rule::kConstantExpected, at);
  }
}

}  // namespace quoll::wasm
