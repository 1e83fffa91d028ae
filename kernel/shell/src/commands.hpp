// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The table of commands. A name is matched whole.
#pragma once

#include <span>
#include <string_view>

#include <quoll/kernel/shell/shell.hpp>

namespace quoll::shell {

/// A typed command: its words, the command's own name first, and whether `&` followed.
struct Invocation {
  std::span<const std::string_view> words;
  bool background = false;
};

/// One command.
struct Command {
  std::string_view name;
  std::string_view usage;  ///< what follows the name
  std::string_view summary;
  std::size_t most_words;  ///< the name included
  bool may_be_background;
  Shell::Printing (*run)(Shell& shell, Invocation invocation);
};

/// All commands, in the order of `help`.
std::span<const Command> commands() noexcept;

}  // namespace quoll::shell
