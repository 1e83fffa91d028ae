// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operand stack, as every instruction uses it: inline, and what is out of the ordinary is
// called. Half of the time that a module takes to be checked is spent here.
#pragma once

#include "translate/function_compiler.hpp"

namespace quoll::wasm {

inline bool FunctionCompiler::push(const StackEntry& entry) {
  // No more than the limit is ever reserved.
  if (stack_.size() == stack_.capacity()) [[unlikely]] {
    if (!make_room()) return false;
  }
  stack_.push_back_reserved(entry);
  return instance_ == nullptr || settle_pushed(entry.type);
}

inline bool FunctionCompiler::pop(StackEntry& out) {
  if (height() == frames_.back().height) [[unlikely]]
    return pop_from_below(out);
  out = stack_.back();
  stack_.pop_back();
  if (settled_ > height()) settled_ = height();
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
  const StackEntry& top = stack_.back();
  if (top.type != expected && !top.unknown) [[unlikely]]
    return fail(Rule::kTypeMismatch);
  stack_.pop_back();
  if (settled_ > height()) settled_ = height();
  return true;
}

}  // namespace quoll::wasm
