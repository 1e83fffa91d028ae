// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operand stack, as every instruction uses it: inline, and what is out of the ordinary is
// called. Half of the time that a module takes to be checked is spent here.
#pragma once

#include "translate/function_compiler.hpp"

namespace quoll::wasm {

inline bool FunctionCompiler::push(const StackEntry& entry) {
  // No more than the limit is ever reserved.
  if (height_ == room_) [[unlikely]] {
    if (!make_room()) return false;
  }
  if (instance_ == nullptr) {
    types_.data()[height_++] = entry.unknown ? kUnknown : entry.type;
    return true;
  }
  stack_.data()[height_++] = entry;
  return settle_pushed(entry.type);
}

inline bool FunctionCompiler::push(ValueType type) {
  return push(StackEntry{.type = type});
}

inline ValueType FunctionCompiler::type_at(std::uint32_t height) const {
  if (instance_ == nullptr) return types_.data()[height];
  const StackEntry& entry = stack_.data()[height];
  return entry.unknown ? kUnknown : entry.type;
}

inline bool FunctionCompiler::pop(StackEntry& out) {
  if (height_ == frames_.back().height) [[unlikely]]
    return pop_from_below(out);
  if (instance_ == nullptr) {
    out.type = types_.data()[height_ - 1];
    out.unknown = out.type == kUnknown;
  } else {
    out = stack_.data()[height_ - 1];
  }
  drop_top();
  return true;
}

inline bool FunctionCompiler::pop(ValueType expected, StackEntry& out) {
  if (!pop(out)) return false;
  if (out.type != expected && !out.unknown) [[unlikely]]
    return fail(Rule::kTypeMismatch);
  return true;
}

inline bool FunctionCompiler::pop(ValueType expected) {
  if (height_ == frames_.back().height) [[unlikely]]
    return frames_.back().unreachable || fail(Rule::kTypeMismatch);
  const ValueType top = type_at(height_ - 1);
  if (top != expected && top != kUnknown) [[unlikely]]
    return fail(Rule::kTypeMismatch);
  drop_top();
  return true;
}

inline void FunctionCompiler::drop_top() {
  --height_;
  if (settled_ > height_) settled_ = height_;
}

}  // namespace quoll::wasm
