// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operand stack, as every instruction uses it: inline, and what is out of the ordinary is
// called. Half of the time that a module takes to be checked is spent here.
#pragma once

#include "translate/function_compiler.hpp"

namespace quoll::wasm {

inline bool FunctionCompiler::push_type(ValueType type) {
  // No more than the limit is ever reserved.
  if (types_.size() == types_.capacity()) [[unlikely]] {
    if (!make_room()) return false;
  }
  types_.push_back_reserved(type);
  return true;
}

inline bool FunctionCompiler::push(ValueType type) {
  return push_type(type) && (instance_ == nullptr || settle_pushed(StackEntry{.type = type}));
}

inline bool FunctionCompiler::push(const StackEntry& entry) {
  return push_type(entry.unknown ? kUnknown : entry.type) &&
         (instance_ == nullptr || settle_pushed(entry));
}

inline bool FunctionCompiler::pop(StackEntry& out) {
  if (height() == frames_.back().height) [[unlikely]]
    return pop_from_below(out);
  if (instance_ == nullptr) {
    out.type = types_.back();
    out.unknown = out.type == kUnknown;
  } else {
    out = stack_.back();
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
  if (height() == frames_.back().height) [[unlikely]]
    return frames_.back().unreachable || fail(Rule::kTypeMismatch);
  const ValueType top = types_.data()[types_.size() - 1];
  if (top != expected && top != kUnknown) [[unlikely]]
    return fail(Rule::kTypeMismatch);
  drop_top();
  return true;
}

inline void FunctionCompiler::drop_top() {
  types_.pop_back();
  if (instance_ == nullptr) return;
  stack_.pop_back();
  if (settled_ > height()) settled_ = height();
}

}  // namespace quoll::wasm
