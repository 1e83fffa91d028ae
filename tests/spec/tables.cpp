// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "tables.hpp"

#include <charconv>

namespace quoll::spec {

namespace {

/// Takes what stands in front of the separator, and both off the text.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::vector<std::string_view> cells(std::string_view row) {
  std::vector<std::string_view> out;
  while (!row.empty()) out.push_back(take(row, '\t'));
  return out;
}

}  // namespace

std::vector<ScriptCounts> read_counts(std::string_view text) {
  const std::vector<std::string_view> headings = cells(take(text, '\n'));
  std::vector<ScriptCounts> out;
  while (!text.empty()) {
    const std::vector<std::string_view> row = cells(take(text, '\n'));
    if (row.empty() || row[0] == "TOTAL") continue;
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
  while (!text.empty()) {
    const std::string_view line = take(text, '\n');
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string_view> row = cells(line);
    if (row.size() != 4) return false;
    out.push_back(
        {std::string(row[0]), std::string(row[1]), std::string(row[2]), std::string(row[3])});
  }
  return true;
}

}  // namespace quoll::spec
