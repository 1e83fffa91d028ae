// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The streams of the program that runs the suite in user mode.
#pragma once

#include <string_view>

#include <quoll/abi/types.hpp>

namespace quoll::spec {

/// Names the streams for lines and for complaints. *Requires*: called before the two below.
void open_output(abi::Handle lines, abi::Handle complaints);

/// Writes a line, whole. A stream that does not take it ends the program.
void say(std::string_view line);

/// Ends the program with a complaint. It allocates nothing.
[[noreturn]] void end_with(std::string_view complaint);

}  // namespace quoll::spec
