// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Time: the counters, and the comparator of this hart.
#pragma once

#include <cstdint>

#include <quoll/arch/csr_access.hpp>

namespace quoll::arch {

/// Ticks of the monotonic clock, the same on all harts.
inline std::uint64_t read_time() noexcept {
  return read_csr<riscv::Csr::kTime>();
}

/// Whether the firmware lets this mode read `instret`: told once, at boot.
void use_instruction_counter(bool readable) noexcept;
/// Instructions retired by this hart; 0 where they may not be read.
std::uint64_t read_instructions() noexcept;

/// How the comparator is set.
enum class TimerKind : std::uint8_t { kSbi, kSstc };
void use_timer(TimerKind kind) noexcept;
/// Interrupts this hart at `deadline`, replacing an earlier one.
void set_timer(std::uint64_t deadline) noexcept;

}  // namespace quoll::arch
