// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "rows.hpp"

namespace quoll::spec {

std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) out.push_back(take(text, separator));
  return out;
}

std::vector<std::string_view> take_row(std::string_view& text) {
  while (!text.empty()) {
    const std::string_view line = take(text, '\n');
    if (!line.empty() && line[0] != '#') return split(line, '\t');
  }
  return {};
}

}  // namespace quoll::spec
