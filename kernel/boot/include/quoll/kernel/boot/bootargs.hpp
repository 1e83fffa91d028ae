// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The command line: `key=value`, separated by spaces or semicolons.
#pragma once

#include <cstddef>
#include <string_view>

namespace quoll::boot {

/// What the command line says. Views into it.
struct Arguments {
  std::string_view log;     ///< a filter for `log::Filter::parse`
  std::string_view paging;  ///< the loader's business
  std::string_view tests;   ///< which kernel tests to run
  std::string_view bench;   ///< which counts to print
  /// What is recorded: a list for `trace::parse_groups`.
  std::string_view trace = "on";
  std::string_view trace_size = "256";  ///< how many records each hart keeps
};

/// Called for each part that is not understood, with the reason.
using Complain = void (*)(std::string_view part, const char* why);

/// Parses a whole command line. Later parts win.
Arguments parse_arguments(std::string_view line, Complain complain);

}  // namespace quoll::boot
