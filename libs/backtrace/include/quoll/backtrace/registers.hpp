// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a walk over a stack begins with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quoll::backtrace {

/// The integer registers of one moment, by number; the program counter stands in place of x0.
struct Registers {
  std::array<std::uint64_t, 32> x{};

  constexpr std::uint64_t pc() const noexcept { return x[0]; }
  constexpr std::uint64_t return_address() const noexcept { return x[1]; }
  constexpr std::uint64_t stack_pointer() const noexcept { return x[2]; }

  /// Those of a trap: its frame has x0 too.
  static constexpr Registers of_trap(const std::array<std::uint64_t, 32>& x,
                                     std::uint64_t pc) noexcept {
    Registers registers{x};
    registers.x[0] = pc;
    return registers;
  }

#if defined(__riscv)
  /// Those of the function that this is written in; the backtrace shows that one only.
  [[gnu::always_inline, gnu::nodebug]] static inline Registers here() noexcept {
    Registers registers;
    // SAFETY: stores the registers that a call preserves, and those that tell where we are.
    asm volatile(
        "auipc t0, 0\n\t"
        "sd t0, 0(%0)\n\t"
        "sd ra, 8(%0)\n\t"
        "sd sp, 16(%0)\n\t"
        "sd gp, 24(%0)\n\t"
        "sd tp, 32(%0)\n\t"
        "sd s0, 64(%0)\n\t"
        "sd s1, 72(%0)\n\t"
        "sd s2, 144(%0)\n\t"
        "sd s3, 152(%0)\n\t"
        "sd s4, 160(%0)\n\t"
        "sd s5, 168(%0)\n\t"
        "sd s6, 176(%0)\n\t"
        "sd s7, 184(%0)\n\t"
        "sd s8, 192(%0)\n\t"
        "sd s9, 200(%0)\n\t"
        "sd s10, 208(%0)\n\t"
        "sd s11, 216(%0)"
        :
        : "r"(registers.x.data())
        : "t0", "memory");
    return registers;
  }
#endif
};

}  // namespace quoll::backtrace
