// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "sets.hpp"

#include <algorithm>

namespace quoll::spec {

namespace {

constexpr std::string_view kMembers30[] = {"bulk-memory",         "memory64", "multi-memory",
                                           "relaxed-simd",        "simd",     "return_call",
                                           "return_call_indirect"};

constexpr Set kSets[] = {
    {.name = "2.0",
     .members = {},
     .left_out = {},
     .assertions = 51139,
     .features = wasm::Features::none()},
    {.name = "3.0", .members = kMembers30, .left_out = {}, .assertions = 41353},
};

/// Whether `script` is `member` or stands in the folder of that name.
bool is_in(std::string_view script, std::string_view member) {
  return script.starts_with(member) &&
         (script.size() == member.size() || script[member.size()] == '/');
}

}  // namespace

const Set* find_set(std::string_view name) {
  const auto* found = std::ranges::find(kSets, name, &Set::name);
  return found == std::end(kSets) ? nullptr : found;
}

bool contains(const Set& set, std::string_view script) {
  const auto has = [script](std::string_view member) { return is_in(script, member); };
  return (set.members.empty() || std::ranges::any_of(set.members, has)) &&
         std::ranges::none_of(set.left_out, has);
}

}  // namespace quoll::spec
