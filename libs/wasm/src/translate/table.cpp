// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Table and reference instructions, and the common form of instructions whose operands lie in
// consecutive slots.
#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

/// The caller appends what follows, if code is written.
void FunctionCompiler::emit_slots(Handler handler, std::span<const ValueType> operands) {
  if (!emitting()) return;
  const auto count = static_cast<std::uint32_t>(operands.size());
  flush_top(count);
  const std::uint32_t first = height() - count;
  std::uint64_t wide = 0;  // which operands have 64 bits; near instructions do not look
  for (std::uint32_t i = 0; i < count; ++i) {
    if (operands[i] == ValueType::kI64) wide |= std::uint64_t{1} << i;
  }
  add_trap_site();
  cell(handler, std::uint64_t{home_slot(first)} * kWordBytes | wide << 32);
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

/// Puts the operands of an instruction on tables into their slots and writes its cell: tables,
/// then the segment.
bool FunctionCompiler::emit_on_tables(Handler handler, std::span<const ValueType> operands,
                                      std::initializer_list<std::uint32_t> tables,
                                      const std::uint32_t* segment) {
  if (!check_top(operands)) return false;
  emit_slots(handler, operands);
  if (emitting()) {
    for (const std::uint32_t table : tables) {
      code_.append(Named::kTable, table, instance_->tables_[table]);
    }
    if (segment != nullptr) code_.append(std::uint64_t{*segment});
  }
  accumulators_[kInteger] = {};
  return pop_all(operands);
}

bool FunctionCompiler::table_instruction(Opcode opcode) {
  constexpr ValueType kI32 = ValueType::kI32;
  std::uint32_t index = 0;
  std::uint32_t other = 0;
  if (opcode == Opcode::kTableInit || opcode == Opcode::kElemDrop) {
    if (!read_element_index(other)) return false;
    if (opcode == Opcode::kElemDrop) return emit_on_tables(handlers::elem_drop(), {}, {}, &other);
  }
  if (!read_table_index(index)) return false;
  const TableType& type = module_.tables()[index];
  const ValueType element = type.element;
  const ValueType address = value_type(type.address);
  const Reach reach = type.address == AddressType::k32 ? Reach::kNear : Reach::kFar;
  switch (opcode) {
    case Opcode::kTableGet: {
      const ValueType operands[] = {address};
      return emit_on_tables(handlers::table_get(reach), operands, {index}) && push(element);
    }
    case Opcode::kTableSet: {
      const ValueType operands[] = {address, element};
      return emit_on_tables(handlers::table_set(reach), operands, {index});
    }
    case Opcode::kTableSize:
      return emit_on_tables(handlers::table_size(), {}, {index}) && push(address);
    case Opcode::kTableGrow: {
      const ValueType operands[] = {element, address};
      return emit_on_tables(handlers::table_grow(reach), operands, {index}) && push(address);
    }
    case Opcode::kTableFill: {
      const ValueType operands[] = {address, element, address};
      return emit_on_tables(handlers::table_fill(reach), operands, {index});
    }
    case Opcode::kTableCopy: {
      if (!read_table_index(other)) return false;
      const TableType& source = module_.tables()[other];
      if (source.element != element) return fail(Rule::kTypeMismatch);
      const ValueType operands[] = {address, value_type(source.address),
                                    value_type(narrower(type.address, source.address))};
      const bool near = reach == Reach::kNear && source.address == AddressType::k32;
      return emit_on_tables(handlers::table_copy(near ? Reach::kNear : Reach::kFar), operands,
                            {index, other});
    }
    default: {
      if (module_.element_segments()[other].type != element) return fail(Rule::kTypeMismatch);
      const ValueType operands[] = {address, kI32, kI32};
      return emit_on_tables(handlers::table_init(reach), operands, {index}, &other);
    }
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
        entry.local = function;
        entry.bits = std::bit_cast<std::uint64_t>(instance_->functions_[function]);
      } else if (declared_.empty() || (declared_[function / 64] >> (function % 64) & 1) == 0) {
        return fail(Rule::kUndeclaredFunctionReference);
      }
      return push(entry);
    }
  }
}

}  // namespace quoll::wasm
