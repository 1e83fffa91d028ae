// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "translate/function_compiler.hpp"

#include <algorithm>

#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/store.hpp>

#include "decode/read_opcode.hpp"

namespace quoll::wasm {

bool FunctionCompiler::validate(std::uint32_t function, FunctionBody& body) {
  std::fill(std::begin(local_weights_), std::end(local_weights_), 0u);
  call_weight_ = 0;
  if (!compile(function, body)) return false;
  choose_pins(body);
  return true;
}

bool FunctionCompiler::translate(std::uint32_t function) {
  const FunctionBody& body = module_.bodies()[function - module_.imported_function_count()];
  wide_ = false;
  needs_wide_ = false;
  if (!compile(function, body)) return false;
  if (needs_wide_) {
    // A slot did not fit into sixteen bits: again, with moves for those that do not.
    wide_ = true;
    if (!compile(function, body)) return false;
  }
  return !code_.failed();
}

bool FunctionCompiler::compile(std::uint32_t function, const FunctionBody& body) {
  reader_ = Reader(module_.bytes(body.code), body.code.offset);
  at_ = body.code.offset;
  body_ = &body;
  type_ = module_.function_type(function);
  height_ = 0;
  frames_.clear();
  weight_ = 1;
  loops_ = 0;
  has_vectors_ = false;
  max_slots_ = 0;
  settled_ = 0;
  if (!read_locals(type_)) return false;
  live_ = instance_ != nullptr;
  if (live_) begin_code(type_);
  ControlFrame frame;
  frame.kind = ControlFrame::Kind::kFunction;
  frame.block_type = module_.function_type_index(function);
  frame.live = live_;
  if (!frames_.try_push_back(frame)) return fail(Rule::kOutOfMemory);
  while (!frames_.empty()) {
    if (!instruction()) return false;
  }
  if (!reader_.at_end()) return reader_.fail(Rule::kEndOpcodeExpected);
  if (instance_ != nullptr) finish_code();
  return true;
}

bool FunctionCompiler::read_locals(const FuncType& type) {
  locals_.clear();
  parameters_ = static_cast<std::uint32_t>(type.parameters.size());
  for (const ValueType parameter : type.parameters) {
    if (!locals_.add(1, parameter)) return fail(Rule::kOutOfMemory);
  }
  parameter_slots_ = locals_.slots();
  std::uint32_t groups;
  if (!reader_.read_count(groups, 2)) return false;
  std::uint64_t declared = 0;
  for (std::uint32_t i = 0; i < groups; ++i) {
    const std::uint64_t start = reader_.offset();
    std::uint32_t count;
    std::uint8_t byte;
    if (!reader_.read_u32(count)) return false;
    declared += count;
    if (declared > 0xffffffffu) return reader_.fail(Rule::kTooManyLocals, start);
    const std::uint64_t type_at = reader_.offset();
    if (!reader_.read_byte(byte)) return false;
    const auto local = static_cast<ValueType>(byte);
    if (local != ValueType::kI32 && local != ValueType::kI64 && !is_float(local) &&
        local != ValueType::kV128 && !is_reference(local)) {
      return reader_.fail(Rule::kMalformedValueType, type_at);
    }
    if (declared + parameters_ > kMaxLocals) continue;  // refused below, unless malformed
    if (count != 0 && !locals_.add(count, local)) return fail(Rule::kOutOfMemory);
  }
  if (declared + parameters_ > kMaxLocals) return fail(Rule::kLocalsLimit);
  return true;
}

bool FunctionCompiler::instruction() {
  at_ = reader_.offset();
  Opcode opcode;
  if (!read_opcode(reader_, opcode)) return false;
  const OpcodeInfo& info = quoll::wasm::info(opcode);
  switch (info.family) {
    case Family::kSpecial:
    case Family::kSelect:
    case Family::kGlobalGet:
      return special(opcode);
    case Family::kIntLoad:
    case Family::kIntStore:
    case Family::kFloatLoad:
    case Family::kFloatStore:
      return memory_access(info);
    default:
      return info.lanes == Lanes::kNone ? numeric(info) : vector_instruction(opcode);
  }
}

bool FunctionCompiler::special(Opcode opcode) {
  switch (opcode) {
    case Opcode::kNop:
      return true;
    case Opcode::kDrop: {
      StackEntry unused;
      if (!pop(unused)) return false;
      release(height());
      return true;
    }
    case Opcode::kSelect:
    case Opcode::kSelectTyped:
      return select_instruction(opcode);
    case Opcode::kLocalGet:
    case Opcode::kLocalSet:
    case Opcode::kLocalTee:
      return local_instruction(opcode);
    case Opcode::kGlobalGet:
    case Opcode::kGlobalSet:
      return global_instruction(opcode);
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kF32Const:
    case Opcode::kF64Const:
      return constant(opcode);
    case Opcode::kMemorySize:
    case Opcode::kMemoryGrow:
    case Opcode::kMemoryInit:
    case Opcode::kMemoryCopy:
    case Opcode::kMemoryFill:
    case Opcode::kDataDrop:
      return memory_special(opcode);
    case Opcode::kTableGet:
    case Opcode::kTableSet:
    case Opcode::kTableSize:
    case Opcode::kTableGrow:
    case Opcode::kTableFill:
    case Opcode::kTableCopy:
    case Opcode::kTableInit:
    case Opcode::kElemDrop:
      return table_instruction(opcode);
    case Opcode::kRefNull:
    case Opcode::kRefIsNull:
    case Opcode::kRefFunc:
      return reference_instruction(opcode);
    default:
      return control(opcode);
  }
}

void FunctionCompiler::begin_code(const FuncType& type) {
  code_.clear();
  at_ = body_->code.offset;
  forget_accumulators();
  last_cell_ = Producer::kNone;
  scratch_ = std::max(parameter_slots_, slot_count(type.results));
  first_own_local_ = scratch_ + (wide_ ? kScratchSlots : 0);
  const std::uint32_t own_locals = locals_.slots() - parameter_slots_;
  temporaries_ = first_own_local_ + own_locals;
  if (temporaries_ > kMaxNarrowSlot) needs_wide_ = true;

  unsigned pins = 0;
  std::uint64_t pin_slots = 0;
  for (const std::uint16_t pin : body_->integer_pins) {
    if (pin == FunctionBody::kNoPin) break;
    pin_slots |= std::uint64_t{local_slot(pin)} * kWordBytes << (16 * pins++);
  }
  const bool zero_here = own_locals != 0 && !wide_;
  code_.append(handlers::enter(zero_here, wide_ ? 0 : pins));
  // The frame's size follows at the end.
  code_.append(zero_here ? std::uint64_t{first_own_local_ * kWordBytes & 0xffff} |
                               std::uint64_t{temporaries_ * kWordBytes & 0xffff} << 16
                         : 0);
  code_.append(pin_slots);
  if (wide_) {
    if (own_locals != 0) {
      cell(handlers::zero_slots(), std::uint64_t{first_own_local_} * kWordBytes |
                                       std::uint64_t{own_locals} * kWordBytes << 32);
    }
    for (unsigned i = 0; i < pins; ++i) {
      const Operand pin = i == 0 ? Operand::kPin0 : Operand::kPin1;
      cell(handlers::move(Operand::kSlot, pin), pin_slots >> (16 * i) & 0xffff);
    }
  }
  reload_float_pins();
  look_for_interruption();
}

void FunctionCompiler::look_for_interruption() {
  if (!instance_->store().engine().config().interruptible) return;
  add_trap_site();
  cell(handlers::look_for_interruption(), 0);
}

void FunctionCompiler::finish_code() {
  if (code_.size() < 2) return;  // memory ran out at once
  const std::uint64_t slots = std::uint64_t{temporaries_} + max_slots_;
  const std::uint64_t bytes = slots * kWordBytes + kReturnReserve;
  code_[1] |= bytes << 32;
}

void FunctionCompiler::choose_pins(FunctionBody& body) const {
  // A pin costs a load on entry, and one in a floating-point register is saved around calls.
  constexpr std::uint32_t kWorthPinning = 2;
  constexpr std::uint32_t kCallCost = 4;
  const auto choose = [&](std::uint16_t(&pins)[2], bool floats, std::uint32_t least) {
    std::uint32_t best[2] = {least, least};
    pins[0] = pins[1] = FunctionBody::kNoPin;
    const std::uint32_t count = std::min(locals_.count(), kCountedLocals);
    for (std::uint32_t i = 0; i < count; ++i) {
      const ValueType type = locals_[i];
      if (file_of(type) != (floats ? kDouble : kInteger)) continue;
      if (local_weights_[i] > best[0]) {
        best[1] = best[0];
        pins[1] = pins[0];
        best[0] = local_weights_[i];
        pins[0] = static_cast<std::uint16_t>(i);
      } else if (local_weights_[i] > best[1]) {
        best[1] = local_weights_[i];
        pins[1] = static_cast<std::uint16_t>(i);
      }
    }
  };
  choose(body.integer_pins, false, kWorthPinning);
  const std::uint64_t call_cost = std::uint64_t{call_weight_} * kCallCost;
  choose(
      body.float_pins, true,
      static_cast<std::uint32_t>(std::min<std::uint64_t>(kWorthPinning + call_cost, 0xffffffffu)));
}

}  // namespace quoll::wasm
