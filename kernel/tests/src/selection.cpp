// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "selection.hpp"

#include <algorithm>
#include <utility>

namespace quoll::tests {
namespace {

/// Without recursion: only the last `*` can be gone back to.
bool fits(std::string_view pattern, std::string_view text) noexcept {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = i;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

Match match_one(std::string_view pattern, std::string_view name) noexcept {
  if (pattern == name) return Match::kInFull;
  if (fits(pattern, name) || pattern == name.substr(0, name.find('.'))) return Match::kPattern;
  return Match::kNone;
}

/// A short generator with a published name: SplitMix64.
std::uint64_t next_random(std::uint64_t& state) noexcept {
  state += 0x9e37'79b9'7f4a'7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

}  // namespace

Match match(std::string_view filter, std::string_view name) noexcept {
  bool negative = false;
  bool any_positive = false;
  Match best = Match::kNone;
  while (!filter.empty()) {
    const std::size_t end = std::min(filter.find_first_of(",:-"), filter.size());
    const std::string_view pattern = filter.substr(0, end);
    const bool turns = end < filter.size() && filter[end] == '-';
    filter.remove_prefix(std::min(end + 1, filter.size()));
    if (!pattern.empty()) {
      const Match found = match_one(pattern, name);
      if (negative && found != Match::kNone) return Match::kNone;
      if (!negative) {
        any_positive = true;
        best = std::max(best, found);
      }
    }
    if (turns) negative = true;
  }
  if (!any_positive) return Match::kPattern;
  return best;
}

void shuffle(std::span<const Test*> order, std::uint64_t seed) noexcept {
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[next_random(seed) % left]);
  }
}

}  // namespace quoll::tests
