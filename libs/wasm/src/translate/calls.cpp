// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Calls and returns. Arguments lie on top of the caller's operand stack, where the callee's frame
// begins, and results come back in the same place.
#include <algorithm>

#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

namespace {

Width width_of(AddressType type) {
  return type == AddressType::k32 ? Width::k32 : Width::k64;
}

}  // namespace

void FunctionCompiler::spill_float_pins() {
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint16_t local = body_->float_pins[i];
    if (local == FunctionBody::kNoPin) continue;
    store_at(local_slot(local), {i == 0 ? Operand::kPin0 : Operand::kPin1}, ValueType::kF64);
  }
}

void FunctionCompiler::reload_float_pins() {
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint16_t local = body_->float_pins[i];
    if (local == FunctionBody::kNoPin) continue;
    const std::uint64_t word = narrow(local_slot(local), 0);
    cell(handlers::float_move(Operand::kSlot, i == 0 ? Operand::kPin0 : Operand::kPin1), word);
  }
}

bool FunctionCompiler::finish_call(const FuncType& type) {
  const std::uint32_t base = height();
  if (emitting()) {
    forget_accumulators();
    reload_float_pins();
    if (type.results.size() == 1) {
      accumulators_[file_of(type.results[0])] = {Accumulator::Holds::kTemporary, base, {}};
    }
  }
  return push_all(type.results);
}

bool FunctionCompiler::read_callee(std::uint32_t& out) {
  if (!reader_.read_u32(out)) return false;
  return out < module_.function_count() || fail(Rule::kUnknownFunction);
}

bool FunctionCompiler::read_indirect_callee(std::uint32_t& type_index, std::uint32_t& table) {
  const std::uint64_t start = reader_.offset();
  if (!reader_.read_u32(type_index)) return false;
  if (type_index >= module_.type_count()) return reader_.fail(Rule::kUnknownType, start);
  if (!read_table_index(table)) return false;
  return module_.tables()[table].element == ValueType::kFuncRef || fail(Rule::kTypeMismatch);
}

bool FunctionCompiler::call() {
  std::uint32_t function;
  if (!read_callee(function)) return false;
  const FuncType type = module_.function_type(function);
  if (!check_top(type.parameters)) return false;
  call_weight_ = call_weight_ > 0xffffffffu - weight_ ? 0xffffffffu : call_weight_ + weight_;
  if (emitting()) flush_top(static_cast<std::uint32_t>(type.parameters.size()));
  if (!pop_all(type.parameters)) return false;
  if (emitting()) {
    spill_float_pins();
    const Func* callee = instance_->functions_[function];
    const bool foreign = !callee->is_host() && callee->instance() != instance_;
    add_trap_site();
    cell(foreign ? handlers::call_foreign() : handlers::call(),
         std::uint64_t{home_slot(height())} * kWordBytes);
    code_.append(Named::kFunction, function, callee);
  }
  return finish_call(type);
}

bool FunctionCompiler::call_indirect() {
  std::uint32_t type_index;
  std::uint32_t table;
  if (!read_indirect_callee(type_index, table)) return false;
  const FuncType type = module_.type(type_index);
  const AddressType address = module_.tables()[table].address;
  StackEntry entry;
  if (!pop(value_type(address), entry) || !check_top(type.parameters)) return false;
  call_weight_ = call_weight_ > 0xffffffffu - weight_ ? 0xffffffffu : call_weight_ + weight_;
  Source index;
  if (emitting()) {
    index = use(entry, height(), kRegisterClasses);
    flush_top(static_cast<std::uint32_t>(type.parameters.size()));
  }
  if (!pop_all(type.parameters)) return false;
  if (emitting()) {
    spill_float_pins();
    const std::uint64_t word = index.operand == Operand::kSlot ? narrow(index.slot, 0) : 0;
    add_trap_site();
    cell(handlers::call_indirect(width_of(address), index.operand),
         word | std::uint64_t{home_slot(height())} * kWordBytes << 32);
    code_.append(Named::kType, type_index, instance_->types_[type_index]);
    code_.append(Named::kTable, table, instance_->tables_[table]);
  }
  return finish_call(type);
}

/// A tail call's callee returns in this function's place.
bool FunctionCompiler::returns_alike(const FuncType& type) {
  return std::ranges::equal(type.results, type_.results) || fail(Rule::kTypeMismatch);
}

bool FunctionCompiler::tail_call() {
  std::uint32_t function;
  if (!has_tail_calls() || !read_callee(function)) return false;
  const FuncType type = module_.function_type(function);
  if (!returns_alike(type) || !check_top(type.parameters)) return false;
  if (emitting()) {
    flush_top(static_cast<std::uint32_t>(type.parameters.size()));
    const std::uint32_t end = home_slot(height());
    if (!pop_all(type.parameters)) return false;
    const Func* callee = instance_->functions_[function];
    const bool foreign = !callee->is_host() && callee->instance() != instance_;
    add_trap_site();
    cell(foreign ? handlers::tail_call_foreign() : handlers::tail_call(), arguments_word(end));
    code_.append(Named::kFunction, function, callee);
  }
  mark_unreachable();
  return true;
}

bool FunctionCompiler::tail_call_indirect() {
  std::uint32_t type_index;
  std::uint32_t table;
  if (!has_tail_calls() || !read_indirect_callee(type_index, table)) return false;
  const FuncType type = module_.type(type_index);
  const AddressType address = module_.tables()[table].address;
  StackEntry entry;
  if (!pop(value_type(address), entry) || !returns_alike(type) || !check_top(type.parameters)) {
    return false;
  }
  if (emitting()) {
    const Source index = use(entry, height(), kRegisterClasses);
    flush_top(static_cast<std::uint32_t>(type.parameters.size()));
    const std::uint32_t end = home_slot(height());
    if (!pop_all(type.parameters)) return false;
    const std::uint64_t word = index.operand == Operand::kSlot ? narrow(index.slot, 0) : 0;
    add_trap_site();
    cell(handlers::tail_call_indirect(width_of(address), index.operand), word);
    code_.append(arguments_word(end));
    code_.append(Named::kType, type_index, instance_->types_[type_index]);
    code_.append(Named::kTable, table, instance_->tables_[table]);
  }
  mark_unreachable();
  return true;
}

bool FunctionCompiler::has_tail_calls() {
  return module_.features().has(Feature::kTailCalls) ||
         reader_.fail_without(Feature::kTailCalls, Rule::kIllegalOpcode, at_);
}

/// Where the arguments that have been popped lie, which end at slot `end`, and how many bytes they
/// take.
std::uint64_t FunctionCompiler::arguments_word(std::uint32_t end) const {
  const std::uint64_t begin = home_slot(height());
  return begin * kWordBytes | (end - begin) * kWordBytes << 32;
}

void FunctionCompiler::emit_return(Path path) {
  const auto arity = static_cast<std::uint32_t>(type_.results.size());
  if (arity == 0) {
    cell(handlers::return_nothing(), 0);
    return;
  }
  const std::uint32_t from = height() - arity;
  if (arity > 1) {
    if (path == Path::kOnly) flush_top(arity);
    cell(handlers::copy_slots(), std::uint64_t{home_slot(from)} * kWordBytes);
    code_.append(std::uint64_t{home_slot(height()) - home_slot(from)} * kWordBytes);
    cell(handlers::return_nothing(), 0);
    return;
  }
  const ValueType type = type_.results[0];
  const File file = file_of(type);
  const StackEntry& entry = stack_[from];
  Source source = source_of(entry, from);
  if (path == Path::kOnly) {
    source = use(entry, from, file == kInteger ? kAnyClass : kRegisterClasses);
  } else if (source.operand == Operand::kImmediate) {
    store_at(home_slot(from), source, type);
    source = {Operand::kSlot, home_slot(from)};
  }
  std::uint64_t word = source.operand == Operand::kSlot ? narrow(source.slot, 0, type) : 0;
  if (source.operand == Operand::kImmediate) word = source.bits << 32;
  if (file == kInteger) {
    cell(handlers::return_int(source.operand), word);
  } else if (file == kVector) {
    cell(handlers::return_vector(), word);
  } else {
    cell(handlers::return_float(file == kSingle ? Width::k32 : Width::k64, source.operand), word);
  }
}

}  // namespace quoll::wasm
