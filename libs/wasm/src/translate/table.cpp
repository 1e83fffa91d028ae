// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Table and reference instructions, and the common form of instructions whose operands lie in
// consecutive slots.
#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

void FunctionCompiler::emit_slots(Handler handler, std::uint32_t operands,
                                  std::initializer_list<std::uint64_t> extra) {
  if (!emitting()) return;
  flush_top(operands);
  const std::uint32_t first = height() - operands;
  add_trap_site();
  cell(handler, std::uint64_t{home_slot(first)} * kWordBytes);
  for (const std::uint64_t word : extra) code_.append(word);
  release(first);
}

bool FunctionCompiler::read_table_index(std::uint32_t& out) {
  if (!reader_.read_u32(out)) return false;
  if (out >= module_.tables().size()) return fail(Rule::kUnknownTable);
  return true;
}

bool FunctionCompiler::read_element_index(std::uint32_t& out) {
  if (!reader_.read_u32(out)) return false;
  if (out >= module_.element_segments().size()) return fail(Rule::kUnknownElementSegment);
  return true;
}

bool FunctionCompiler::table_instruction(Opcode opcode) {
  constexpr ValueType kI32 = ValueType::kI32;
  std::uint32_t index = 0;
  std::uint32_t other = 0;
  const auto table = [this](std::uint32_t i) {
    return emitting() ? std::bit_cast<std::uint64_t>(instance_->tables_[i]) : 0;
  };
  // Puts operands into their slots, writes the cell, and replaces operands by the result.
  const auto emit = [this](Handler handler, std::span<const ValueType> operands,
                           std::initializer_list<std::uint64_t> extra) {
    if (!check_top(operands)) return false;
    emit_slots(handler, static_cast<std::uint32_t>(operands.size()), extra);
    accumulators_[kInteger] = {};
    return pop_all(operands);
  };
  if (opcode == Opcode::kTableInit || opcode == Opcode::kElemDrop) {
    if (!read_element_index(other)) return false;
    if (opcode == Opcode::kElemDrop) return emit(handlers::elem_drop(), {}, {other});
  }
  if (!read_table_index(index)) return false;
  const ValueType element = module_.tables()[index].element;
  const ValueType operands[] = {kI32, kI32, kI32};
  switch (opcode) {
    case Opcode::kTableGet:
      return emit(handlers::table_get(), std::span(operands, 1), {table(index)}) && push(element);
    case Opcode::kTableSet: {
      const ValueType types[] = {kI32, element};
      return emit(handlers::table_set(), types, {table(index)});
    }
    case Opcode::kTableSize:
      return emit(handlers::table_size(), {}, {table(index)}) && push(kI32);
    case Opcode::kTableGrow: {
      const ValueType types[] = {element, kI32};
      return emit(handlers::table_grow(), types, {table(index)}) && push(kI32);
    }
    case Opcode::kTableFill: {
      const ValueType types[] = {kI32, element, kI32};
      return emit(handlers::table_fill(), types, {table(index)});
    }
    case Opcode::kTableCopy:
      if (!read_table_index(other)) return false;
      if (module_.tables()[other].element != element) return fail(Rule::kTypeMismatch);
      return emit(handlers::table_copy(), operands, {table(index), table(other)});
    default:
      if (module_.element_segments()[other].type != element) return fail(Rule::kTypeMismatch);
      return emit(handlers::table_init(), operands, {table(index), other});
  }
}

bool FunctionCompiler::reference_instruction(Opcode opcode) {
  switch (opcode) {
    case Opcode::kRefNull: {
      const std::uint64_t start = reader_.offset();
      std::uint8_t byte;
      if (!reader_.read_byte(byte)) return false;
      const auto type = static_cast<ValueType>(byte);
      if (!is_reference(type)) return reader_.fail(Rule::kMalformedReferenceType, start);
      return push(StackEntry{.type = type, .kind = StackEntry::Kind::kConstant});
    }
    case Opcode::kRefIsNull: {
      StackEntry entry;
      if (!pop(entry)) return false;
      if (!entry.unknown && !is_reference(entry.type)) return fail(Rule::kTypeMismatch);
      if (emitting()) emit_numeric(info(Opcode::kI64Eqz), entry, {});
      return push(ValueType::kI32);
    }
    default: {
      std::uint32_t function;
      if (!reader_.read_u32(function)) return false;
      if (function >= module_.function_count()) return fail(Rule::kUnknownFunction);
      StackEntry entry{.type = ValueType::kFuncRef, .kind = StackEntry::Kind::kConstant};
      if (instance_ != nullptr) {
        entry.bits = std::bit_cast<std::uint64_t>(instance_->functions_[function]);
      } else if (declared_.empty() || (declared_[function / 64] >> (function % 64) & 1) == 0) {
        return fail(Rule::kUndeclaredFunctionReference);
      }
      return push(entry);
    }
  }
}

}  // namespace quoll::wasm
