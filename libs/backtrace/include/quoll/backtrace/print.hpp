// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The lines of a backtrace.
#pragma once

#include <cstdint>
#include <string_view>

#include <quoll/backtrace/symbols.hpp>

namespace quoll::backtrace {

/// Where text goes, in pieces. May be called while a panic is reported.
using Sink = void (*)(std::string_view text) noexcept;

/// How much of a frame is shown.
enum class Style : std::uint8_t {
  kOff,    ///< no backtrace at all
  kShort,  ///< function, file and line; the address where those are not known
  kFull,   ///< the address as well
};

/// Prints frame `number` at run-time address `pc`: a line for each function at `position`, the
/// address at which the table knows it (the link-time one), the innermost first. `symbols` may be
/// null.
void print_frame(Sink sink, Style style, unsigned number, std::uint64_t pc, std::uint64_t position,
                 const Symbols* symbols) noexcept;

/// Prints one line for a place that is known already; one without a function has its address only.
void print_place(Sink sink, Style style, unsigned number, std::uint64_t pc,
                 const Place& place) noexcept;

}  // namespace quoll::backtrace
