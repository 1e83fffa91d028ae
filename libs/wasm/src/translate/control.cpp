// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Blocks: opening, else, end.
//
// At the head of a loop, at the end of a block that branches reach, and around calls, every value
// on the stack is in its slot: code on both sides of a label agrees on that.
#include <quoll/wasm/limits.hpp>

#include "translate/function_compiler.hpp"

namespace quoll::wasm {

namespace {

constexpr ValueType kSingleTypes[] = {ValueType::kI32,      ValueType::kI64,  ValueType::kF32,
                                      ValueType::kF64,      ValueType::kV128, ValueType::kFuncRef,
                                      ValueType::kExternRef};

/// A list of one type, for blocks that give one value.
std::span<const ValueType> single(ValueType type) {
  for (const ValueType& candidate : kSingleTypes) {
    if (candidate == type) return {&candidate, 1};
  }
  return {};
}

/// The weight of an instruction inside of so many loops.
std::uint32_t loop_weight(std::uint32_t loops) {
  constexpr std::uint32_t kBitsPerLoop = 3;
  constexpr std::uint32_t kMostLoops = 6;
  return 1u << (kBitsPerLoop * (loops < kMostLoops ? loops : kMostLoops));
}

}  // namespace

bool FunctionCompiler::control(Opcode opcode) {
  switch (opcode) {
    case Opcode::kUnreachable:
      if (emitting()) {
        add_trap_site();
        cell(handlers::unreachable(), 0);
      }
      mark_unreachable();
      return true;
    case Opcode::kBlock:
      return open(ControlFrame::Kind::kBlock);
    case Opcode::kLoop:
      return open(ControlFrame::Kind::kLoop);
    case Opcode::kIf:
      return open(ControlFrame::Kind::kIf);
    case Opcode::kElse:
      return begin_else();
    case Opcode::kEnd:
      return end();
    case Opcode::kBr:
      return branch();
    case Opcode::kBrIf:
      return branch_if();
    case Opcode::kBrTable:
      return branch_table();
    case Opcode::kReturn:
      if (!check_top(type_.results)) return false;
      if (emitting()) emit_return(Path::kOnly);
      mark_unreachable();
      return true;
    case Opcode::kCall:
      return call();
    case Opcode::kCallIndirect:
      return call_indirect();
    case Opcode::kReturnCall:
      return tail_call();
    case Opcode::kReturnCallIndirect:
      return tail_call_indirect();
    default:
      return fail(Rule::kIllegalOpcode);
  }
}

bool FunctionCompiler::read_block_type(std::uint32_t& out) {
  constexpr std::uint8_t kEmptyType = 0x40;
  const std::uint64_t start = reader_.offset();
  std::uint8_t byte;
  if (!reader_.peek_byte(byte)) return false;
  if (byte == kEmptyType || !single(static_cast<ValueType>(byte)).empty()) {
    out = byte == kEmptyType ? ControlFrame::kEmpty : ControlFrame::kOneResult | byte;
    return reader_.read_byte(byte);
  }
  std::int64_t index;
  if (!reader_.read_s33(index)) return false;
  if (index < 0) return reader_.fail(Rule::kMalformedBlockType, start);
  if (static_cast<std::uint64_t>(index) >= module_.type_count()) {
    return reader_.fail(Rule::kUnknownType, start);
  }
  out = static_cast<std::uint32_t>(index);
  return true;
}

FuncType FunctionCompiler::block_type(std::uint32_t type) const {
  if (type == ControlFrame::kEmpty) return {};
  if ((type & ControlFrame::kOneResult) != 0) {
    return {{}, single(static_cast<ValueType>(type & 0xff))};
  }
  return module_.type(type);
}

std::span<const ValueType> FunctionCompiler::label_types(const ControlFrame& frame) const {
  const FuncType type = block_type(frame.block_type);
  return frame.kind == ControlFrame::Kind::kLoop ? type.parameters : type.results;
}

void FunctionCompiler::mark_unreachable() {
  ControlFrame& frame = frames_.back();
  height_ = frame.height;
  if (settled_ > frame.height) settled_ = frame.height;
  frame.unreachable = true;
  live_ = false;
}

bool FunctionCompiler::open(ControlFrame::Kind kind) {
  ControlFrame frame;
  frame.kind = kind;
  frame.live = live_;
  if (!read_block_type(frame.block_type)) return false;
  Condition condition;
  if (kind == ControlFrame::Kind::kIf) {
    StackEntry entry;
    if (!pop(ValueType::kI32, entry)) return false;
    if (emitting()) condition = prepare_condition(entry);
  }
  const FuncType type = block_type(frame.block_type);
  if (!check_top(type.parameters)) return false;
  if (emitting()) {
    flush_all();
    if (kind == ControlFrame::Kind::kIf) {
      code_.link(emit_condition(condition, false), frame.else_branch);
    }
    if (kind == ControlFrame::Kind::kLoop) {
      forget_accumulators();
      barrier();
      frame.start = code_.size();
      look_for_interruption();
    }
  }
  if (!pop_all(type.parameters)) return false;
  frame.height = height();
  if (frames_.size() > kMaxNesting) return fail(Rule::kNestingTooDeep);
  if (!frames_.try_push_back(frame)) return fail(Rule::kOutOfMemory);
  if (kind == ControlFrame::Kind::kLoop) weight_ = loop_weight(++loops_);
  return push_all(type.parameters);
}

bool FunctionCompiler::begin_else() {
  if (frames_.back().kind != ControlFrame::Kind::kIf) return fail(Rule::kMisplacedElse);
  const FuncType type = block_type(frames_.back().block_type);
  if (!check_top(type.results)) return false;
  if (emitting()) {
    flush_top(static_cast<std::uint32_t>(type.results.size()));
    code_.link(emit_jump(), frames_.back().branches);
  }
  if (!pop_all(type.results)) return false;
  ControlFrame& frame = frames_.back();
  if (height() != frame.height) return fail(Rule::kTypeMismatch);
  if (frame.live) {
    code_.resolve_all(frame.else_branch, code_.size());
    forget_accumulators();
    barrier();
  }
  live_ = frame.live;
  frame.kind = ControlFrame::Kind::kElse;
  frame.unreachable = false;
  return push_all(type.parameters);
}

bool FunctionCompiler::end() {
  const FuncType type = block_type(frames_.back().block_type);
  if (frames_.back().kind == ControlFrame::Kind::kIf &&
      !std::ranges::equal(type.parameters, type.results)) {
    return fail(Rule::kTypeMismatch);
  }
  if (!check_top(type.results)) return false;
  const bool is_function = frames_.back().kind == ControlFrame::Kind::kFunction;
  if (emitting()) {
    if (is_function) {
      emit_return(Path::kOnly);
    } else {
      flush_top(static_cast<std::uint32_t>(type.results.size()));
    }
  }
  if (!pop_all(type.results)) return false;
  if (height() != frames_.back().height) return fail(Rule::kTypeMismatch);
  ControlFrame frame = frames_.back();
  if (frame.kind == ControlFrame::Kind::kLoop) weight_ = loop_weight(--loops_);
  if (!is_function) end_code(frame);
  frames_.pop_back();
  if (is_function) return true;
  return push_all(type.results);
}

void FunctionCompiler::end_code(ControlFrame& frame) {
  if (!frame.live) {
    live_ = false;
    return;
  }
  if (!frame.branches.exists() && !frame.else_branch.exists()) return;
  code_.resolve_all(frame.branches, code_.size());
  code_.resolve_all(frame.else_branch, code_.size());
  forget_accumulators();
  barrier();
  live_ = true;
}

}  // namespace quoll::wasm
