// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A guest thread's registers, and the way into user mode and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/mem/permissions.hpp>

namespace quoll::arch {

/// Register numbers by their ABI names, for `UserContext::x`.
enum Register : std::size_t {
  kRegRa = 1,
  kRegSp = 2,
  kRegGp = 3,
  kRegTp = 4,
  kRegA0 = 10,
  kRegA1 = 11,
  kRegA2 = 12,
  kRegA3 = 13,
  kRegA4 = 14,
  kRegA5 = 15,
  kRegA6 = 16,
  kRegA7 = 17,
};

/// Floating-point registers. They stay in the hart across system calls and are stored here only
/// when the thread suspends with changed ones.
struct FloatState {
  std::array<std::uint64_t, 32> f{};
  std::uint64_t fcsr = 0;
};

/// All of a guest thread that a hart holds while it runs. A fresh one has every register zero.
struct UserContext {
  /// x[0] is never loaded, and written by the trap code only.
  std::array<std::uint64_t, 32> x{};
  std::uint64_t pc = 0;
  std::uint64_t sstatus = 0;
  /// Where the trap entry finds the kernel again; set by `enter_user`.
  std::uint64_t kernel_sp = 0;
  std::uint64_t kernel_tp = 0;
  FloatState fp;
  /// The hart whose registers hold `fp` unchanged, plus one; 0: none.
  std::uint32_t fp_hart = 0;
};

/// Why user mode was left.
enum class UserExitKind : std::uint8_t {
  kSyscall,      ///< `ecall`; pc still points at it
  kPageFault,    ///< nothing mapped there that allows the access
  kAccessFault,  ///< the bus refused
  kIllegalInstruction,
  kMisaligned,  ///< a misaligned access (atomics) or jump
  kBreakpoint,
  kInterrupt,  ///< something for the kernel; it has been handled
  kOther,
};

/// What happened, as the trap registers say.
struct UserExit {
  UserExitKind kind = UserExitKind::kOther;
  /// For faults: what the guest tried.
  mem::Access access = mem::Access::kRead;
  std::uint64_t cause = 0;
  /// For faults: the address that was touched (or the illegal instruction's bits).
  std::uint64_t address = 0;
};

/// Whether `pc` may be given to `enter_user`: it lies in the lower half.
constexpr bool is_user_pc(std::uint64_t pc) noexcept {
  return (pc >> 63) == 0;
}

}  // namespace quoll::arch
