// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "plan.hpp"

#include <algorithm>

namespace quoll::spec {

std::string make_plan(const Tables& tables, std::string_view set,
                      const std::vector<std::string>& only, Plan& out) {
  std::vector<Set> sets;
  if (!read_sets(tables.sets, sets)) return "the list of sets has a row that cannot be read";
  if (!read_exceptions(tables.exceptions, out.exceptions)) {
    return "the list of exceptions has a row without four cells";
  }
  const auto found = std::ranges::find(sets, set, &Set::name);
  if (found == sets.end()) return "there is no set " + std::string(set);
  out.set = *found;
  out.scripts = read_counts(tables.counts);
  std::erase_if(out.scripts, [&](const ScriptCounts& script) {
    return !contains(out.set, script.name) ||
           (!only.empty() && std::ranges::find(only, script.name) == only.end());
  });
  if (!only.empty() && out.scripts.size() != only.size()) return "there is no such script";
  return {};
}

}  // namespace quoll::spec
