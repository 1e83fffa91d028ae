// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the command line says, in typed fields. docs/bootargs.md is for those who write one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/bootargs/backtrace.hpp>
#include <quoll/bootargs/paging.hpp>

namespace quoll::boot {

/// Where log lines have colours.
enum class LogColour : std::uint8_t { kOff, kPort, kOn };

/// Where the mappings of guests lie.
enum class GuestPlacement : std::uint8_t { kRandom, kLowest };

/// The value of each argument; texts are views into the command line. Defaults and meanings stand
/// in the table (`table.cpp`): a field of its own has its row there.
struct Arguments {
  bootargs::Backtrace backtrace = bootargs::Backtrace::kShort;
  bool help = false;
  std::string_view log;  ///< a filter for `log::Filter::parse`
  LogColour log_colour = LogColour::kOff;
  bootargs::Paging paging = bootargs::Paging::kWidest;
  GuestPlacement placement = GuestPlacement::kRandom;
  std::string_view bench;                      ///< which counts to print
  std::string_view trace;                      ///< a list for `trace::parse_groups`
  std::uint64_t trace_size = 0;                ///< records of each hart
  std::string_view tests;                      ///< a filter
  std::string_view tests_after;                ///< the name of a test
  bool tests_list = false;                     ///< names them and runs none
  std::optional<std::uint64_t> tests_shuffle;  ///< a seed; 0: any
  std::uint64_t tests_limit = 0;               ///< nanoseconds for each
  std::uint64_t watchdog_hart = 0;             ///< nanoseconds; 0: off
  std::uint64_t watchdog_lock = 0;             ///< nanoseconds; 0: off
};

struct Complaint;
/// Called for each part that is not understood.
using Complain = void (*)(const Complaint& complaint);

/// Reads a whole command line over the defaults. Later arguments win.
Arguments parse_arguments(std::string_view line, Complain complain) noexcept;

}  // namespace quoll::boot
