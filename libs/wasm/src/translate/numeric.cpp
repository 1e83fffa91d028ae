// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Numeric instructions and constants.
#include <utility>

#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

namespace {

/// What comparison or operation gives the same result with its operands exchanged; kNone if none.
Operation exchanged(Operation op) {
  switch (op) {
    case Operation::kAdd:
    case Operation::kMul:
    case Operation::kAnd:
    case Operation::kOr:
    case Operation::kXor:
    case Operation::kEq:
    case Operation::kNe:
      return op;
    case Operation::kLtS:
      return Operation::kGtS;
    case Operation::kGtS:
      return Operation::kLtS;
    case Operation::kLtU:
      return Operation::kGtU;
    case Operation::kGtU:
      return Operation::kLtU;
    case Operation::kLeS:
      return Operation::kGeS;
    case Operation::kGeS:
      return Operation::kLeS;
    case Operation::kLeU:
      return Operation::kGeU;
    case Operation::kGeU:
      return Operation::kLeU;
    case Operation::kLt:
      return Operation::kGt;
    case Operation::kGt:
      return Operation::kLt;
    case Operation::kLe:
      return Operation::kGe;
    case Operation::kGe:
      return Operation::kLe;
    default:
      return Operation::kNone;
  }
}

/// The classes that the operands of an operation can have.
unsigned operand_classes(Family family, Operation op) {
  switch (family) {
    case Family::kFloatBinary: {
      const bool frequent = op == Operation::kAdd || op == Operation::kSub ||
                            op == Operation::kMul || op == Operation::kDiv;
      return frequent ? kAnyClass : kBasicClasses;
    }
    case Family::kFloatUnary: {
      const bool frequent =
          op == Operation::kAbs || op == Operation::kNeg || op == Operation::kSqrt;
      return frequent ? kRegisterClasses : kBasicClasses;
    }
    case Family::kFloatToInt:
    case Family::kFloatToFloat:
      return kBasicClasses;
    case Family::kIntUnary:
    case Family::kIntToFloat:
      return kRegisterClasses;
    default:
      return kAnyClass;
  }
}

bool takes_constant_first(Family family, Operation op) {
  if (family == Family::kFloatBinary) return true;
  return family == Family::kIntBinary && (op == Operation::kSub || op == Operation::kShl);
}

Width width_of(ValueType type) {
  return type == ValueType::kI32 || type == ValueType::kF32 ? Width::k32 : Width::k64;
}

}  // namespace

Operation inverse_comparison(Operation op) {
  constexpr auto kFirst = static_cast<unsigned>(Operation::kEq);
  static_assert((static_cast<unsigned>(Operation::kNe) ^ kFirst) == 1 || kFirst % 2 != 0);
  return static_cast<Operation>(((static_cast<unsigned>(op) - kFirst) ^ 1u) + kFirst);
}

bool FunctionCompiler::numeric(const OpcodeInfo& info) {
  if (!emitting()) {
    if (info.operand_count == 2 && !pop(info.operands[1])) return false;
    return pop(info.operands[0]) && push(info.result);
  }
  StackEntry a;
  StackEntry b;
  if (info.operand_count == 2 && !pop(info.operands[1], b)) return false;
  if (!pop(info.operands[0], a)) return false;
  emit_numeric(info, a, b);
  return push(info.result);
}

void FunctionCompiler::emit_numeric(const OpcodeInfo& info, StackEntry a, StackEntry b) {
  switch (info.family) {
    case Family::kIntTest:
      if (a.type == ValueType::kI32 && a.kind == StackEntry::Kind::kTemporary &&
          invert_comparison()) {
        return;
      }
      b = StackEntry{.type = a.type, .kind = StackEntry::Kind::kConstant, .bits = 0};
      emit_binary(info, a, b);
      return;
    case Family::kIntBinary:
    case Family::kIntCompare:
    case Family::kFloatBinary:
    case Family::kFloatCompare:
      emit_binary(info, a, b);
      return;
    default:
      emit_unary(info, a);
  }
}

/// Turns `compare; eqz` into the inverse comparison.
bool FunctionCompiler::invert_comparison() {
  Accumulator& accumulator = accumulators_[kInteger];
  Producer& producer = accumulator.producer;
  if (accumulator.holds != Accumulator::Holds::kTemporary || accumulator.index != height() ||
      !producer.exists() || producer.shape.family != Family::kIntCompare) {
    return false;
  }
  producer.shape.operation = inverse_comparison(producer.shape.operation);
  return retarget(producer, producer.shape.d);
}

void FunctionCompiler::emit_binary(const OpcodeInfo& info, StackEntry a, StackEntry b) {
  const bool is_test = info.family == Family::kIntTest;
  Shape shape{.family = is_test ? Family::kIntCompare : info.family,
              .operation = is_test ? Operation::kEq : info.operation,
              .width = width_of(info.operands[0])};
  std::uint32_t height_a = height();
  std::uint32_t height_b = height() + 1;
  const bool a_constant = a.kind == StackEntry::Kind::kConstant;
  const bool b_constant = b.kind == StackEntry::Kind::kConstant;
  if (a_constant && !b_constant && exchanged(shape.operation) != Operation::kNone) {
    shape.operation = exchanged(shape.operation);
    std::swap(a, b);
    std::swap(height_a, height_b);
  }
  const unsigned classes = operand_classes(shape.family, shape.operation);
  const Source right = use(b, height_b, classes);
  unsigned left_classes = classes;
  if (right.operand == Operand::kImmediate ||
      !takes_constant_first(shape.family, shape.operation)) {
    left_classes &= ~class_bit(Operand::kImmediate);
  }
  const Source left = use(a, height_a, left_classes);
  shape.a = left.operand;
  shape.b = right.operand;

  const bool immediate_left = left.operand == Operand::kImmediate;
  if (immediate_left || right.operand == Operand::kImmediate) {
    const Source& immediate = immediate_left ? left : right;
    const Source& other = immediate_left ? right : left;
    std::uint64_t word = other.operand == Operand::kSlot ? narrow(other.slot, 0) : 0;
    if (info.operands[0] == ValueType::kF64) {
      emit_result(shape, word, 1, info.result, {&immediate.bits, 1});
    } else {
      emit_result(shape, word | immediate.bits << 32, 1, info.result);
    }
    return;
  }
  std::uint64_t word = left.operand == Operand::kSlot ? narrow(left.slot, 0) : 0;
  word |= std::uint64_t{right.operand == Operand::kSlot ? narrow(right.slot, 1) : std::uint16_t{0}}
          << 16;
  emit_result(shape, word, 2, info.result);
}

void FunctionCompiler::emit_unary(const OpcodeInfo& info, const StackEntry& a) {
  const bool result_decides = info.family == Family::kIntToFloat;
  Shape shape{.family = info.family,
              .operation = info.operation,
              .width = width_of(result_decides ? info.result : info.operands[0])};
  const Source source = use(a, height(), operand_classes(info.family, info.operation));
  shape.a = source.operand;
  const std::uint64_t word = source.operand == Operand::kSlot ? narrow(source.slot, 0) : 0;
  emit_result(shape, word, 1, info.result);
}

bool FunctionCompiler::constant(Opcode opcode) {
  StackEntry entry{.kind = StackEntry::Kind::kConstant};
  switch (opcode) {
    case Opcode::kI32Const: {
      std::int32_t value;
      if (!reader_.read_s32(value)) return false;
      entry.type = ValueType::kI32;
      entry.bits = sign_extend(static_cast<std::uint32_t>(value));
      break;
    }
    case Opcode::kI64Const: {
      std::int64_t value;
      if (!reader_.read_s64(value)) return false;
      entry.type = ValueType::kI64;
      entry.bits = static_cast<std::uint64_t>(value);
      break;
    }
    case Opcode::kF32Const: {
      std::uint32_t value;
      if (!reader_.read_fixed32(value)) return false;
      entry.type = ValueType::kF32;
      entry.bits = value;
      break;
    }
    default:
      entry.type = ValueType::kF64;
      if (!reader_.read_fixed64(entry.bits)) return false;
  }
  return push(entry);
}

}  // namespace quoll::wasm
