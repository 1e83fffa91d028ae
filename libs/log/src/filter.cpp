// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/log/filter.hpp>

namespace quoll::log {
namespace {

constexpr std::array<std::string_view, 6> kWords = {"off",  "error", "warn",
                                                    "info", "debug", "trace"};
constexpr std::array<std::string_view, 6> kNames = {"OFF  ", "ERROR", "WARN ",
                                                    "INFO ", "DEBUG", "TRACE"};

}  // namespace

std::optional<Level> parse_level(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string_view level_name(Level level) noexcept {
  return kNames[static_cast<std::size_t>(level)];
}

bool Filter::add(std::string_view target, Level level) noexcept {
  if (target.empty() || target.size() > kMaxName || count_ == kMaxTargets) return false;
  Entry& entry = entries_[count_++];
  std::copy(target.begin(), target.end(), entry.name.begin());
  entry.level = level;
  return true;
}

Filter::Parsed Filter::parse(std::string_view text) noexcept {
  Parsed out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = part.find('=');
    const bool named = equals != std::string_view::npos;
    const auto level = parse_level(named ? part.substr(equals + 1) : part);
    bool taken = level.has_value();
    if (taken && named) {
      taken = out.filter.add(part.substr(0, equals), *level);
    } else if (taken) {
      out.filter.default_ = *level;
    }
    if (!taken && out.rejected.empty()) out.rejected = part;
  }
  return out;
}

Level Filter::level_of(std::string_view target) const noexcept {
  for (std::size_t i = count_; i-- > 0;) {
    if (target == named_target(i)) return entries_[i].level;
  }
  return default_;
}

std::string_view Filter::named_target(std::size_t index) const noexcept {
  return index < count_ ? std::string_view(entries_[index].name.data()) : std::string_view();
}

}  // namespace quoll::log
