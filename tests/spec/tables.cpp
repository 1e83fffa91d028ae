// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "tables.hpp"

#include <charconv>

#include "rows.hpp"

namespace quoll::spec {

std::vector<ScriptCounts> read_counts(std::string_view text) {
  const std::vector<std::string_view> headings = take_row(text);
  std::vector<ScriptCounts> out;
  for (auto row = take_row(text); !row.empty(); row = take_row(text)) {
    if (row[0] == "TOTAL") continue;
    ScriptCounts script{std::string(row[0]), {}};
    for (std::size_t i = 1; i < row.size() && i < headings.size(); ++i) {
      const std::optional<Kind> kind = kind_of(headings[i]);
      if (kind) std::from_chars(row[i].data(), row[i].data() + row[i].size(), script.counts[*kind]);
    }
    out.push_back(std::move(script));
  }
  return out;
}

bool read_exceptions(std::string_view text, std::vector<Exception>& out) {
  for (auto row = take_row(text); !row.empty(); row = take_row(text)) {
    if (row.size() != 4) return false;
    out.push_back(
        {std::string(row[0]), std::string(row[1]), std::string(row[2]), std::string(row[3])});
  }
  return true;
}

}  // namespace quoll::spec
