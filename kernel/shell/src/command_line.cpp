// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/shell/command_line.hpp>

namespace quoll::shell {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

base::Result<CommandLine, SplitError> CommandLine::split(std::string_view line) {
  CommandLine result;
  // Unquoting never lengthens, so with this much room the text never moves under its words.
  if (!result.text_.try_reserve(line.size())) return base::err(SplitError::kNoMemory);

  for (std::size_t at = 0;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size()) return result;
    if (result.background_) return base::err(SplitError::kMisplacedAmpersand);
    if (line[at] == '&') {
      if (result.words_.empty()) return base::err(SplitError::kMisplacedAmpersand);
      result.background_ = true;
      ++at;
    } else {
      at = TRY(result.take_word(line, at));
    }
  }
}

base::Result<std::size_t, SplitError> CommandLine::take_word(std::string_view line,
                                                             std::size_t at) {
  const std::size_t start = text_.size();
  char quote = 0;
  for (; at < line.size(); ++at) {
    char c = line[at];
    if (quote == 0 && (is_blank(c) || c == '&')) break;
    if (c == quote) {
      quote = 0;
      continue;
    }
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      continue;
    }
    if (c == '\\' && quote != '\'') {
      if (++at == line.size()) return base::err(SplitError::kTrailingBackslash);
      c = line[at];
    }
    if (!text_.try_push_back(c)) return base::err(SplitError::kNoMemory);
  }
  if (quote != 0) return base::err(SplitError::kUnclosedQuote);
  const std::string_view word(text_.data() + start, text_.size() - start);
  if (!words_.try_push_back(word)) return base::err(SplitError::kNoMemory);
  return at;
}

const char* to_string(SplitError error) noexcept {
  switch (error) {
    case SplitError::kUnclosedQuote:
      return "a quote is not closed";
    case SplitError::kTrailingBackslash:
      return "nothing follows the backslash";
    case SplitError::kMisplacedAmpersand:
      return "'&' belongs at the end of a command";
    case SplitError::kNoMemory:
      return "out of memory";
  }
  return "unknown error";
}

}  // namespace quoll::shell
