// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Locals, globals and select.
#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

void FunctionCompiler::count_local(std::uint32_t local) {
  if (local >= kCountedLocals) return;
  std::uint32_t& weight = local_weights_[local];
  weight = weight > 0xffffffffu - weight_ ? 0xffffffffu : weight + weight_;
}

bool FunctionCompiler::local_instruction(Opcode opcode) {
  std::uint32_t local;
  if (!reader_.read_u32(local)) return false;
  if (local >= locals_.count()) return fail(Rule::kUnknownLocal);
  const ValueType type = locals_[local];
  if (!emitting()) {
    if (instance_ == nullptr) count_local(local);
    if (opcode != Opcode::kLocalGet && !pop(type)) return false;
    return opcode == Opcode::kLocalSet || push(type);
  }
  if (opcode != Opcode::kLocalGet) {
    StackEntry entry;
    if (!pop(type, entry)) return false;
    const bool same = entry.kind == StackEntry::Kind::kLocal && entry.local == local;
    if (!same) move_to_local(entry, height(), local, type);
    if (opcode == Opcode::kLocalSet) return true;
  }
  return push(StackEntry{.type = type, .kind = StackEntry::Kind::kLocal, .local = local});
}

bool FunctionCompiler::global_instruction(Opcode opcode) {
  std::uint32_t index;
  if (!reader_.read_u32(index)) return false;
  if (index >= module_.globals().size()) return fail(Rule::kUnknownGlobal);
  const GlobalType& type = module_.globals()[index];
  if (opcode == Opcode::kGlobalGet) {
    if (emitting()) {
      const bool is_vector = type.value == ValueType::kV128;
      const auto address = std::bit_cast<std::uint64_t>(&instance_->globals_[index]->cell_);
      code_.note(code_.size() + 2, Named::kGlobal, index);
      emit_result(Shape{.family = is_vector ? Family::kVectorGlobalGet : Family::kGlobalGet}, 0, 1,
                  type.value, {&address, 1});
    }
    return push(type.value);
  }
  if (type.mutability != Mutability::kVar) return fail(Rule::kImmutableGlobal);
  StackEntry entry;
  if (!pop(type.value, entry)) return false;
  if (!emitting()) return true;
  const Source source = file_of(type.value) == kInteger ? use(entry, height(), kAnyClass)
                                                        : use_in_slot(entry, height());
  std::uint64_t word = source.operand == Operand::kSlot ? narrow(source.slot, 0, type.value) : 0;
  if (source.operand == Operand::kImmediate) word = source.bits << 32;
  cell(type.value == ValueType::kV128 ? handlers::vector_global_set()
                                      : handlers::global_set(source.operand),
       word);
  code_.append(Named::kGlobal, index, &instance_->globals_[index]->cell_);
  return true;
}

/// The type that a typed `select` names.
bool FunctionCompiler::read_select_type(ValueType& out) {
  std::uint32_t count;
  std::uint8_t byte;
  if (!reader_.read_u32(count)) return false;
  if (count != 1) return fail(Rule::kInvalidResultArity);
  const std::uint64_t start = reader_.offset();
  if (!reader_.read_byte(byte)) return false;
  out = static_cast<ValueType>(byte);
  if (out != ValueType::kI32 && out != ValueType::kI64 && !is_float(out) &&
      out != ValueType::kV128 && !is_reference(out)) {
    return reader_.fail(Rule::kMalformedValueType, start);
  }
  return true;
}

bool FunctionCompiler::select_instruction(Opcode opcode) {
  ValueType type = ValueType::kI32;
  const bool typed = opcode == Opcode::kSelectTyped;
  if (typed && !read_select_type(type)) return false;
  StackEntry condition;
  StackEntry b;
  StackEntry a;
  if (!pop(ValueType::kI32, condition)) return false;
  if (typed) {
    if (!pop(type, b) || !pop(type, a)) return false;
  } else {
    if (!pop(b) || !pop(a)) return false;
    if ((!a.unknown && is_reference(a.type)) || (!b.unknown && is_reference(b.type)) ||
        (!a.unknown && !b.unknown && a.type != b.type)) {
      return fail(Rule::kTypeMismatch);
    }
    if (a.unknown && b.unknown) return push(StackEntry{.unknown = true});
    type = a.unknown ? b.type : a.type;
  }
  if (emitting()) emit_select(a, b, condition, type);
  return push(type);
}

void FunctionCompiler::emit_select(const StackEntry& a, const StackEntry& b,
                                   const StackEntry& condition, ValueType type) {
  constexpr unsigned kSourceClasses = kRegisterClasses & ~class_bit(Operand::kAccumulator);
  const unsigned classes = file_of(type) == kInteger ? kSourceClasses : class_bit(Operand::kSlot);
  const Source c = use(condition, height() + 2, kRegisterClasses);
  const Source right = use(b, height() + 1, classes);
  const Source left = use(a, height(), classes);
  std::uint64_t word = left.operand == Operand::kSlot ? narrow(left.slot, 0, type) : 0;
  if (right.operand == Operand::kSlot) word |= std::uint64_t{narrow(right.slot, 1, type)} << 16;
  if (c.operand == Operand::kSlot) word |= std::uint64_t{narrow(c.slot, 2)} << 32;
  const Family family = type == ValueType::kV128 ? Family::kVectorSelect : Family::kSelect;
  emit_result(Shape{.family = family, .a = left.operand, .b = right.operand, .c = c.operand}, word,
              3, type);
}

}  // namespace quoll::wasm
