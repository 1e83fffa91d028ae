// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a report says, part by part. Nothing here allocates; a sink says which locks are taken.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/arch/trap_frame.hpp>
#include <quoll/backtrace/registers.hpp>
#include <quoll/log/format.hpp>

namespace quoll::panic {

/// Where a report's lines go.
using Sink = void (*)(std::string_view text) noexcept;

template <typename... A>
void say(Sink sink, log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
  std::array<char, 256> text;
  sink(std::string_view(text.data(), log::format_to(std::span<char>(text), format, values...)));
}

/// Microseconds of the machine's time since the image was entered.
std::uint64_t microseconds() noexcept;

/// Hart, time, task, and what the hart is in the middle of.
void print_circumstances(Sink sink) noexcept;
void print_registers(Sink sink, const arch::TrapFrame& frame) noexcept;
/// The CSRs of this hart, and where its stacks are.
void print_state_of_hart(Sink sink, std::uint64_t stack_pointer) noexcept;
/// Who called, from the function with these registers outwards.
void print_backtrace(Sink sink, const backtrace::Registers& start) noexcept;
/// The same for another hart, which stands still.
void print_stack_of(Sink sink, unsigned hart, const backtrace::Registers& start) noexcept;

}  // namespace quoll::panic
