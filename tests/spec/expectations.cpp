// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "expectations.hpp"

#include <algorithm>
#include <iterator>

namespace quoll::spec {

namespace {

using wasm::LinkRule;
using wasm::TrapKind;

template <typename T>
struct Words {
  std::string_view words;
  T meaning;
};

constexpr Words<TrapKind> kTraps[] = {
    {"call stack exhausted", TrapKind::kCallStackExhausted},
    {"indirect call type mismatch", TrapKind::kIndirectCallTypeMismatch},
    {"integer divide by zero", TrapKind::kIntegerDivideByZero},
    {"integer overflow", TrapKind::kIntegerOverflow},
    {"invalid conversion to integer", TrapKind::kInvalidConversionToInteger},
    // Said of memories alone: of tables it says so.
    {"out of bounds", TrapKind::kOutOfBoundsMemoryAccess},
    {"out of bounds memory access", TrapKind::kOutOfBoundsMemoryAccess},
    {"out of bounds table access", TrapKind::kOutOfBoundsTableAccess},
    {"undefined element", TrapKind::kUndefinedElement},
    {"uninitialized element", TrapKind::kUninitializedElement},
    {"uninitialized element 2", TrapKind::kUninitializedElement},
    {"unreachable", TrapKind::kUnreachable},
};

constexpr Words<LinkRule> kLinkRules[] = {
    {"incompatible import type", LinkRule::kIncompatibleImport},
    {"unknown import", LinkRule::kUnknownImport},
};

template <typename T, std::size_t N>
std::optional<T> look_up(const Words<T> (&table)[N], std::string_view words) {
  const auto* found = std::ranges::find(table, words, &Words<T>::words);
  if (found == std::end(table)) return std::nullopt;
  return found->meaning;
}

}  // namespace

std::optional<TrapKind> trap_kind(std::string_view words) {
  return look_up(kTraps, words);
}

std::optional<LinkRule> link_rule(std::string_view words) {
  return look_up(kLinkRules, words);
}

}  // namespace quoll::spec
