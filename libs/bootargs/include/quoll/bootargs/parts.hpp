// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A command line taken apart: `name=value`, `name` and `name="a value"`, separated by white space
// or semicolons.
#pragma once

#include <optional>
#include <string_view>

namespace quoll::bootargs {

/// One part of a line, in views of it.
struct Part {
  std::string_view text;  ///< as it is written
  std::string_view name;  ///< what stands before the first '='
  /// What stands behind it, without quotes; nothing when there is no '='.
  std::optional<std::string_view> value;
  /// Whether quotes, where there are any, enclose the whole value.
  bool has_sound_quotes = true;
};

/// Takes a line apart, from left to right.
class Parts {
 public:
  explicit constexpr Parts(std::string_view line) noexcept : rest_(line) {}

  /// The next part; nothing at the end. A quote that is never closed ends with its word.
  std::optional<Part> next() noexcept;

 private:
  std::string_view rest_;
};

}  // namespace quoll::bootargs
