// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <optional>

#include <quoll/trace/group.hpp>

namespace quoll::trace {
namespace {

std::optional<GroupMask> mask_of(std::string_view word) noexcept {
  if (word == "on") return kAllGroups;
  if (word == "off") return kNoGroups;
  for (std::size_t i = 0; i < kGroupNames.size(); ++i) {
    if (kGroupNames[i] == word) return GroupMask{1} << i;
  }
  return std::nullopt;
}

}  // namespace

ParsedGroups parse_groups(std::string_view words) noexcept {
  ParsedGroups parsed;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (const auto mask = mask_of(word)) {
      parsed.mask |= *mask;
    } else if (parsed.rejected.empty()) {
      parsed.rejected = word;
    }
  }
  return parsed;
}

}  // namespace quoll::trace
