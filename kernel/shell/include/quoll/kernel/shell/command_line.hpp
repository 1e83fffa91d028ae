// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// CommandLine: a typed line, split into words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>

namespace quoll::shell {

/// Why a line cannot be split.
enum class SplitError : std::uint8_t {
  kUnclosedQuote,
  kTrailingBackslash,
  kMisplacedAmpersand,
  kNoMemory,
};

/// The words of a line, and whether it ended in `&`.
///
/// Blanks separate words. Within single quotes everything stands for itself; within double quotes
/// and outside, a backslash takes the next character as it is.
class CommandLine {
 public:
  static base::Result<CommandLine, SplitError> split(std::string_view line);

  std::span<const std::string_view> words() const noexcept { return words_.span(); }
  bool background() const noexcept { return background_; }

 private:
  /// Takes the word that begins at `at`; the result is where it ends.
  base::Result<std::size_t, SplitError> take_word(std::string_view line, std::size_t at);

  containers::Vector<char> text_;  ///< the words, unquoted, one behind another
  containers::Vector<std::string_view> words_;
  bool background_ = false;
};

/// A short phrase, for the user.
const char* to_string(SplitError error) noexcept;

}  // namespace quoll::shell
