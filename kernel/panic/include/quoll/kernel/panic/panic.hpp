// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The end of a task or of the machine, when an invariant of the kernel is broken. docs/panic.md
// says which of the two.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/arch/trap_frame.hpp>
#include <quoll/log/format.hpp>

namespace quoll::panic {

/// The machine's exit status when the kernel itself stopped.
inline constexpr std::uint8_t kPanicStatus = 125;

/// Says what is broken, where, and how it came to that. Then ends the task by an exception where a
/// panic can be contained, and all harts and the machine elsewhere. Not `noexcept`: what is between
/// here and the task's coroutine must not be either, or the machine stops.
/// *Context*: any. Allocates nothing.
[[noreturn]] void panic_with(std::string_view message, const char* file, unsigned line);

/// As above, and always stops the machine. Takes no lock.
[[noreturn]] void stop(std::string_view message, const char* file = nullptr,
                       unsigned line = 0) noexcept;

/// Stops the machine for a fault in kernel code, with all registers.
[[noreturn]] void kernel_fault(const arch::TrapFrame& frame) noexcept;

/// Whether some hart stops the machine: others that are interrupted then halt.
bool in_progress() noexcept;
/// Whether it is this hart that does: only it may write to the console.
bool is_reporting() noexcept;
/// Stops this hart for good; `pc` is where it was, for the report of the hart that stops the
/// machine (0: unknown).
[[noreturn]] void halt_hart(std::uint64_t pc = 0) noexcept;
/// The same for a hart that a trap has interrupted in the kernel: the report says who called there.
[[noreturn]] void halt_hart(const arch::TrapFrame& frame) noexcept;

/// How many panics have ended a task and not the machine.
std::uint64_t contained() noexcept;

/// A panic with a formatted message.
template <typename... A>
[[noreturn]] void panic(log::Format<std::type_identity_t<A>...> format, const A&... values) {
  std::array<char, 200> text;
  const std::size_t size = log::format_to(std::span<char>(text), format, values...);
  panic_with(std::string_view(text.data(), size), nullptr, 0);
}

}  // namespace quoll::panic
