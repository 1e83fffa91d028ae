// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The end of the machine, when an invariant of the kernel is broken.
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

/// Says what is broken, where, and how it came to that; stops all harts and the machine.
/// *Context*: any. Takes no lock that could be held, and allocates nothing.
[[noreturn]] void panic_with(std::string_view message, const char* file, unsigned line) noexcept;

/// As above for a fault in kernel code, with all registers.
[[noreturn]] void kernel_fault(const arch::TrapFrame& frame) noexcept;

/// Whether some hart panics: others that are interrupted then stop.
bool in_progress() noexcept;
/// Stops this hart for good.
[[noreturn]] void halt_hart() noexcept;

/// A panic with a formatted message.
template <typename... A>
[[noreturn]] void panic(log::Format<std::type_identity_t<A>...> format,
                        const A&... values) noexcept {
  std::array<char, 200> text;
  const std::size_t size = log::format_to(std::span<char>(text), format, values...);
  panic_with(std::string_view(text.data(), size), nullptr, 0);
}

}  // namespace quoll::panic
