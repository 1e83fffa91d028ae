// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Words for every enumerator that an embedder may have to print.
#include <quoll/wasm/error.hpp>
#include <quoll/wasm/features.hpp>
#include <quoll/wasm/linker.hpp>
#include <quoll/wasm/trap.hpp>
#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

const char* text(Rule rule) noexcept {
  switch (rule) {
#define QUOLL_WASM_RULE_TEXT(id, cls, words) \
  case Rule::k##id:                          \
    return words;
    QUOLL_WASM_RULES(QUOLL_WASM_RULE_TEXT)
#undef QUOLL_WASM_RULE_TEXT
  }
  return "unknown rule";
}

RuleClass rule_class(Rule rule) noexcept {
  switch (rule) {
#define QUOLL_WASM_RULE_CLASS(id, cls, words) \
  case Rule::k##id:                           \
    return RuleClass::k##cls;
    QUOLL_WASM_RULES(QUOLL_WASM_RULE_CLASS)
#undef QUOLL_WASM_RULE_CLASS
  }
  return RuleClass::kMalformed;
}

const char* text(RuleClass cls) noexcept {
  switch (cls) {
    case RuleClass::kMalformed:
      return "malformed";
    case RuleClass::kInvalid:
      return "invalid";
    case RuleClass::kUnsupported:
      return "unsupported";
    case RuleClass::kResource:
      return "out of resources";
  }
  return "unknown";
}

const char* name(Feature feature) noexcept {
  switch (feature) {
#define QUOLL_WASM_FEATURE_NAME(id, words) \
  case Feature::k##id:                     \
    return words;
    QUOLL_WASM_FEATURES(QUOLL_WASM_FEATURE_NAME)
#undef QUOLL_WASM_FEATURE_NAME
  }
  return "unknown feature";
}

const char* text(TrapKind kind) noexcept {
  switch (kind) {
    case TrapKind::kUnreachable:
      return "unreachable";
    case TrapKind::kIntegerDivideByZero:
      return "integer divide by zero";
    case TrapKind::kIntegerOverflow:
      return "integer overflow";
    case TrapKind::kInvalidConversionToInteger:
      return "invalid conversion to integer";
    case TrapKind::kOutOfBoundsMemoryAccess:
      return "out of bounds memory access";
    case TrapKind::kOutOfBoundsTableAccess:
      return "out of bounds table access";
    case TrapKind::kUndefinedElement:
      return "undefined element";
    case TrapKind::kUninitializedElement:
      return "uninitialized element";
    case TrapKind::kIndirectCallTypeMismatch:
      return "indirect call type mismatch";
    case TrapKind::kCallStackExhausted:
      return "call stack exhausted";
    case TrapKind::kUnknownImport:
      return "unknown import called";
    case TrapKind::kOutOfMemory:
      return "out of memory";
    case TrapKind::kInterrupted:
      return "interrupted";
    case TrapKind::kHostError:
      return "host function failed";
  }
  return "unknown trap";
}

const char* text(LinkRule rule) noexcept {
  switch (rule) {
    case LinkRule::kUnknownImport:
      return "unknown import";
    case LinkRule::kIncompatibleImport:
      return "incompatible import type";
    case LinkRule::kForeignStore:
      return "import of another store";
    case LinkRule::kTooLarge:
      return "memory or table larger than allowed";
    case LinkRule::kOutOfMemory:
      return "out of memory";
    case LinkRule::kInitialisation:
      return "initialisation did not complete";
  }
  return "unknown rule";
}

const char* name(ValueType type) noexcept {
  switch (type) {
    case ValueType::kI32:
      return "i32";
    case ValueType::kI64:
      return "i64";
    case ValueType::kF32:
      return "f32";
    case ValueType::kF64:
      return "f64";
    case ValueType::kV128:
      return "v128";
    case ValueType::kFuncRef:
      return "funcref";
    case ValueType::kExternRef:
      return "externref";
  }
  return "unknown";
}

const char* name(ExternKind kind) noexcept {
  switch (kind) {
    case ExternKind::kFunction:
      return "function";
    case ExternKind::kTable:
      return "table";
    case ExternKind::kMemory:
      return "memory";
    case ExternKind::kGlobal:
      return "global";
  }
  return "unknown";
}

}  // namespace quoll::wasm
