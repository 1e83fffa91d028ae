// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Backtraces for reports that end nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include <quoll/arch/trap_frame.hpp>

namespace quoll::panic {

/// Where text goes, line by line.
using TextSink = void (*)(std::string_view text) noexcept;

/// Who called, from what a trap interrupted outwards. *Context*: the hart that took the trap.
void print_interrupted(TextSink sink, const arch::TrapFrame& frame) noexcept;

/// The functions that an address of the kernel's code is in, as a backtrace would name them.
/// *Context*: any.
void print_place(TextSink sink, std::uint64_t pc) noexcept;

/// The function that the linker has at an address; empty when nobody knows. *Context*: any.
std::string_view function_at(std::uint64_t pc) noexcept;

}  // namespace quoll::panic
