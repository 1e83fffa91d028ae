// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Branches.
#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

bool FunctionCompiler::read_label(ControlFrame*& out) {
  std::uint32_t depth;
  if (!reader_.read_u32(depth)) return false;
  if (depth >= frames_.size()) return fail(Rule::kUnknownLabel);
  out = &frames_[frames_.size() - 1 - depth];
  return true;
}

/// Looks at a condition that has been popped. A comparison that was written last is taken back,
/// so that the branch can do it.
Condition FunctionCompiler::prepare_condition(const StackEntry& entry) {
  Condition condition;
  Accumulator& accumulator = accumulators_[kInteger];
  const Producer producer = accumulator.producer;
  const Family family = producer.shape.family;
  if (entry.kind == StackEntry::Kind::kTemporary &&
      accumulator.holds == Accumulator::Holds::kTemporary && accumulator.index == height() &&
      producer.exists() && producer.word == last_cell_ &&
      (family == Family::kIntCompare || family == Family::kFloatCompare) && !code_.failed()) {
    condition.is_comparison = true;
    condition.comparison = producer.shape;
    const std::uint64_t word = code_[producer.word + 1];
    const bool immediate = producer.shape.b == Operand::kImmediate;
    const bool double_immediate =
        immediate && family == Family::kFloatCompare && producer.shape.width == Width::k64;
    condition.word = word & ~(std::uint64_t{0xffff} << (16 * producer.result_field));
    if (double_immediate) condition.extra = code_[producer.word + 2];
    code_.truncate(producer.word);
    accumulator = {};
    barrier();
    return condition;
  }
  condition.value = use(entry, height(), kRegisterClasses);
  return condition;
}

/// Writes a branch that is taken when the condition is nonzero, or zero if `sense` is false.
PendingBranch FunctionCompiler::emit_condition(const Condition& condition, bool sense) {
  if (!condition.is_comparison) {
    const Source& value = condition.value;
    const std::uint64_t word = value.operand == Operand::kSlot ? narrow(value.slot, 0) : 0;
    const std::uint32_t at = code_.size();
    cell(handlers::branch_if(sense, value.operand), word);
    return {at + 1, PendingBranch::Field::kSecondWord};
  }
  const Shape& shape = condition.comparison;
  const bool immediate = shape.b == Operand::kImmediate;
  const std::uint32_t at = code_.size();
  if (shape.family == Family::kIntCompare) {
    const Operation op = sense ? shape.operation : inverse_comparison(shape.operation);
    cell(handlers::compare_branch(op, shape.width, shape.a, shape.b), condition.word);
  } else {
    cell(handlers::float_compare_branch(shape.operation, shape.width, sense, shape.a, shape.b),
         condition.word);
    if (immediate && shape.width == Width::k64) {
      code_.append(condition.extra);
      return {at + 1, PendingBranch::Field::kSecondWord};
    }
  }
  if (!immediate) return {at + 1, PendingBranch::Field::kSecondWord};
  code_.append(std::uint64_t{0});
  return {at + 2, PendingBranch::Field::kThirdWord};
}

void FunctionCompiler::go_to(ControlFrame& frame, PendingBranch branch) {
  if (frame.kind == ControlFrame::Kind::kLoop) {
    code_.resolve(branch, frame.start);
  } else {
    code_.link(branch, frame.branches);
  }
}

PendingBranch FunctionCompiler::emit_jump() {
  const std::uint32_t at = code_.size();
  cell(handlers::branch(), 0);
  return {at + 1, PendingBranch::Field::kSecondWord};
}

/// Whether the values that go along with a branch are where its target expects them.
bool FunctionCompiler::in_place(const ControlFrame& frame) const {
  if (frame.kind == ControlFrame::Kind::kFunction) return false;
  const auto arity = static_cast<std::uint32_t>(label_types(frame).size());
  if (arity == 0) return true;
  if (height() - arity != frame.height) return false;
  for (std::uint32_t h = frame.height; h < height(); ++h) {
    if (stack_[h].kind != StackEntry::Kind::kTemporary) return false;
  }
  return true;
}

/// Takes the values along and leaves for the label.
void FunctionCompiler::emit_leave(ControlFrame& frame, Path path) {
  if (frame.kind == ControlFrame::Kind::kFunction) {
    emit_return(path);
    return;
  }
  if (!in_place(frame)) {
    const std::span<const ValueType> types = label_types(frame);
    const auto arity = static_cast<std::uint32_t>(types.size());
    const std::uint32_t from = height() - arity;
    if (arity == 1) {
      store_at(home_slot(frame.height), source_of(stack_[from], from), types[0]);
    } else {
      if (path == Path::kOnly) flush_top(arity);
      cell(handlers::copy_slots(), std::uint64_t{home_slot(from)} * kWordBytes |
                                       std::uint64_t{home_slot(frame.height)} * kWordBytes << 32);
      code_.append(std::uint64_t{home_slot(height()) - home_slot(from)} * kWordBytes);
    }
  }
  go_to(frame, emit_jump());
}

bool FunctionCompiler::branch() {
  ControlFrame* frame;
  if (!read_label(frame) || !check_top(label_types(*frame))) return false;
  if (emitting()) {
    flush_in_place(*frame);
    emit_leave(*frame, Path::kOnly);
  }
  mark_unreachable();
  return true;
}

/// Puts the values of a branch into their slots where that is all that the target needs, or where
/// there are several.
void FunctionCompiler::flush_in_place(const ControlFrame& frame) {
  const auto arity = static_cast<std::uint32_t>(label_types(frame).size());
  if (arity == 0) return;
  const bool same_height = height() - arity == frame.height;
  if (arity > 1 || (same_height && frame.kind != ControlFrame::Kind::kFunction)) flush_top(arity);
}

bool FunctionCompiler::branch_if() {
  ControlFrame* frame;
  StackEntry entry;
  if (!read_label(frame) || !pop(ValueType::kI32, entry)) return false;
  const std::span<const ValueType> types = label_types(*frame);
  if (!check_top(types)) return false;
  if (!emitting()) return pop_all(types) && push_all(types);
  const Condition condition = prepare_condition(entry);
  flush_in_place(*frame);
  if (!types.empty()) commit(height() - 1);
  if (in_place(*frame)) {
    go_to(*frame, emit_condition(condition, true));
  } else {
    const PendingBranch skip = emit_condition(condition, false);
    emit_leave(*frame, Path::kConditional);
    code_.resolve(skip, code_.size());
  }
  barrier();
  return true;
}

bool FunctionCompiler::branch_table() {
  std::uint32_t count;
  StackEntry entry;
  if (!reader_.read_count(count)) return false;
  const Reader entries = reader_;
  if (!pop(ValueType::kI32, entry)) return false;
  std::size_t arity = 0;
  for (std::uint64_t i = 0; i <= count; ++i) {
    ControlFrame* frame;
    if (!read_label(frame)) return false;
    const std::span<const ValueType> types = label_types(*frame);
    if (i == 0) arity = types.size();
    if (types.size() != arity || !check_top(types)) return fail(Rule::kTypeMismatch);
  }
  if (emitting()) {
    const Source index = use(entry, height(), kRegisterClasses);
    flush_top(static_cast<std::uint32_t>(arity));
    emit_branch_table(index, count, entries);
  }
  mark_unreachable();
  return true;
}

/// Writes the table, and behind it one stub for each label that needs more than a jump.
void FunctionCompiler::emit_branch_table(const Source& index, std::uint32_t count,
                                         const Reader& entries) {
  const auto label = [this](Reader& reader) -> ControlFrame& {
    std::uint32_t depth = 0;
    (void)reader.read_u32(depth);  // read before, and in range
    return frames_[frames_.size() - 1 - depth];
  };
  std::uint64_t word = index.operand == Operand::kSlot ? narrow(index.slot, 0) : 0;
  cell(handlers::branch_table(index.operand), word | std::uint64_t{count} << 32);
  const std::uint32_t first = code_.size();
  for (std::uint32_t i = 0; i <= count; i += 2) code_.append(std::uint64_t{0});

  Reader reader = entries;
  for (std::uint32_t i = 0; i <= count; ++i) {
    ControlFrame& frame = label(reader);
    const PendingBranch branch(first + i / 2, i % 2 == 0 ? PendingBranch::Field::kTableLow
                                                         : PendingBranch::Field::kTableHigh);
    if (in_place(frame)) {
      go_to(frame, branch);
    } else {
      code_.link(branch, frame.table_entries);
    }
  }
  forget_accumulators();
  reader = entries;
  for (std::uint32_t i = 0; i <= count; ++i) {
    ControlFrame& frame = label(reader);
    if (!frame.table_entries.exists()) continue;
    code_.resolve_all(frame.table_entries, code_.size());
    barrier();
    emit_leave(frame, Path::kConditional);
  }
}

}  // namespace quoll::wasm
