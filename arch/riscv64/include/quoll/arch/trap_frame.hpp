// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a trap out of the kernel itself leaves on the stack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quoll::arch {

/// Why a trap could not use the stack that it found. The values are known to trap.S.
enum class BadStack : std::uint64_t {
  kNo = 0,
  kPointer = 1,      ///< the stack pointer was outside this hart's stack, or not aligned
  kDoubleFault = 2,  ///< the trap before had not got as far as its frame
};

/// Every register at the moment of the trap. The layout is known to trap.S.
struct TrapFrame {
  /// x[0] is unused.
  std::array<std::uint64_t, 32> x;
  std::uint64_t pc;
  std::uint64_t sstatus;
  std::uint64_t cause;
  std::uint64_t value;  ///< stval
  /// A `BadStack`: anything but zero means that the frame is on the emergency stack.
  std::uint64_t bad_stack;
  std::uint64_t padding;
};
static_assert(sizeof(TrapFrame) == 304 && offsetof(TrapFrame, pc) == 256);

/// Called on every trap out of the kernel, interrupts off. The kernel defines it.
extern "C" void quoll_trap_from_kernel(TrapFrame* frame) noexcept;

/// Prepares this hart: trap vector, emergency stack, floating point off; user mode may read the
/// time.
void initialise_hart(unsigned id, std::uint64_t stack_low, std::uint64_t stack_high) noexcept;
/// Lets user mode on this hart count instructions as well: for measuring.
void allow_user_counting() noexcept;

}  // namespace quoll::arch
