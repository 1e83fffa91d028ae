// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which coroutines await the one that runs: they resume each other directly, so no stack says it.
#pragma once

#include <quoll/backtrace/print.hpp>
#include <quoll/backtrace/symbols.hpp>

#include "report.hpp"

namespace quoll::panic {

/// Prints the coroutines of this hart's task from the one that awaits the running one outwards,
/// each with the place where it waits. Reads nothing that could fault.
void print_awaiting(Sink sink, backtrace::Style style, const backtrace::Symbols* symbols) noexcept;

}  // namespace quoll::panic
