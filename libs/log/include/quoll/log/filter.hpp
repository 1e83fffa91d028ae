// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which lines are wanted: a level for all, and levels for named targets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quoll::log {

/// How much a line matters; a filter at one level lets through that and all before it.
enum class Level : std::uint8_t { kOff, kError, kWarn, kInfo, kDebug, kTrace };

/// `error`, `warn`, …, `off`; nothing for another word.
std::optional<Level> parse_level(std::string_view word) noexcept;
/// Five characters, padded.
std::string_view level_name(Level level) noexcept;

/// `log=info,mem=trace`: parsed from text, asked for each line. Copies what it needs.
class Filter {
 public:
  static constexpr std::size_t kMaxTargets = 16;
  static constexpr std::size_t kMaxName = 15;
  static constexpr Level kDefaultLevel = Level::kWarn;

  constexpr Filter() = default;
  constexpr explicit Filter(Level level) noexcept : default_(level) {}

  /// What became of one `parse`.
  struct Parsed;
  /// Parses `LEVEL[,target=LEVEL…]`. Parts that are malformed, or one too many, are left out and
  /// the first of them is named.
  static Parsed parse(std::string_view text) noexcept;

  /// The highest level of that target's lines that is let through.
  Level level_of(std::string_view target) const noexcept;
  bool allows(Level level, std::string_view target) const noexcept {
    return level <= level_of(target);
  }
  /// The `index`th target that the filter names; empty when there is none.
  std::string_view named_target(std::size_t index) const noexcept;

 private:
  struct Entry {
    std::array<char, kMaxName + 1> name{};
    Level level = Level::kOff;
  };
  bool add(std::string_view target, Level level) noexcept;

  Level default_ = kDefaultLevel;
  std::size_t count_ = 0;
  std::array<Entry, kMaxTargets> entries_{};
};

struct Filter::Parsed {
  Filter filter;
  /// Empty when all was understood.
  std::string_view rejected;
};

}  // namespace quoll::log
