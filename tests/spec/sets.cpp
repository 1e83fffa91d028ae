// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "sets.hpp"

#include <algorithm>
#include <charconv>

#include "rows.hpp"

namespace quoll::spec {

namespace {

/// Whether `script` is `member` or stands in the folder of that name.
bool is_in(std::string_view script, std::string_view member) {
  return script.starts_with(member) &&
         (script.size() == member.size() || script[member.size()] == '/');
}

}  // namespace

bool read_sets(std::string_view text, std::vector<Set>& out) {
  for (auto row = take_row(text); !row.empty(); row = take_row(text)) {
    if (row.size() != 4 || (row[1] != "none" && row[1] != "all")) return false;
    Set set;
    set.name = row[0];
    set.features = row[1] == "all" ? wasm::Features::all() : wasm::Features::none();
    const auto read = std::from_chars(row[2].data(), row[2].data() + row[2].size(), set.assertions);
    if (read.ec != std::errc()) return false;
    if (row[3] != "*") {
      for (const std::string_view member : split(row[3], ' ')) set.members.emplace_back(member);
    }
    out.push_back(std::move(set));
  }
  return true;
}

bool contains(const Set& set, std::string_view script) {
  const auto has = [script](std::string_view member) { return is_in(script, member); };
  return set.members.empty() || std::ranges::any_of(set.members, has);
}

}  // namespace quoll::spec
