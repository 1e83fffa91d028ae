// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operand stack: what validation requires of it.
#include "translate/operand_stack.hpp"

#include <algorithm>

#include <quoll/wasm/limits.hpp>

namespace quoll::wasm {

bool FunctionCompiler::make_room() {
  constexpr std::size_t kFirst = 64;
  if (height() >= kMaxOperands) return fail(Rule::kOperandStackTooHigh);
  const std::size_t room = std::min<std::size_t>(2 * std::size_t{height()} + kFirst, kMaxOperands);
  const bool made = instance_ == nullptr ? types_.try_resize(room) : stack_.try_resize(room);
  if (!made) return fail(Rule::kOutOfMemory);
  room_ = static_cast<std::uint32_t>(room);
  return true;
}

/// What translation notes of a value that was pushed.
bool FunctionCompiler::settle_pushed(ValueType type) {
  if (!place(type)) return fail(Rule::kOutOfMemory);
  if (height() - settled_ > kMaxPending) {
    if (emitting()) flush(settled_);
    ++settled_;
  }
  return true;
}

/// Notes where the slots of the value just pushed end.
bool FunctionCompiler::place(ValueType type) {
  std::uint32_t end = height();
  if (has_vectors_ || type == ValueType::kV128) [[unlikely]] {
    if (!has_vectors_ && !begin_slots()) return false;
    end = slots_[height() - 1] + slot_count(type);
    if (height() == slots_.size() && !slots_.try_push_back(end)) return false;
    slots_[height()] = end;
  }
  if (end > max_slots_) max_slots_ = end;
  return true;
}

/// The first vector of a function: up to the heights that were reached so far, slots are heights.
bool FunctionCompiler::begin_slots() {
  slots_.clear();
  for (std::uint32_t i = 0; i <= max_slots_; ++i) {
    if (!slots_.try_push_back(i)) return false;
  }
  has_vectors_ = true;
  return true;
}

bool FunctionCompiler::pop_from_below(StackEntry& out) {
  if (!frames_.back().unreachable) return fail(Rule::kTypeMismatch);
  out = StackEntry{.unknown = true};
  return true;
}

bool FunctionCompiler::pop_all(std::span<const ValueType> types) {
  for (std::size_t i = types.size(); i-- > 0;) {
    if (!pop(types[i])) return false;
  }
  return true;
}

bool FunctionCompiler::push_all(std::span<const ValueType> types) {
  for (const ValueType type : types) {
    if (!push(type)) return false;
  }
  return true;
}

bool FunctionCompiler::check_top(std::span<const ValueType> types) {
  const ControlFrame& frame = frames_.back();
  std::uint32_t at = height();
  for (std::size_t i = types.size(); i-- > 0;) {
    if (at == frame.height) return frame.unreachable || fail(Rule::kTypeMismatch);
    const ValueType type = type_at(--at);
    if (type != types[i] && type != kUnknown) return fail(Rule::kTypeMismatch);
  }
  return true;
}

}  // namespace quoll::wasm
