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

struct UserContext;

/// How a `QuickHandler` leaves user mode's trap: back to where it came from, or out of
/// `enter_user`.
struct QuickOutcome {
  UserContext* context;  ///< the one that it was given
  std::uint64_t back;    ///< nonzero: back to user mode
};

/// Looks at a trap out of user mode, by its scause, before anything else does, on the stack of the
/// task that called `enter_user`. stval is still the trap's until interrupts go on. It may turn
/// interrupts on, but has them off when it returns. It changes a0 to a7, the temporaries and the pc
/// in the context at will; gp and s0 to s11 are not in there yet. When it does not go back, it says
/// so with `quick_refused` or `quick_left`. It may panic; user mode then does not go on.
using QuickHandler = QuickOutcome (*)(UserContext& context, std::uint64_t cause);

/// All of a guest thread that a hart holds while it runs. A fresh one has every register zero.
struct UserContext {
  /// x[0] is never loaded, and written by the trap code only.
  std::array<std::uint64_t, 32> x{};
  std::uint64_t pc = 0;
  std::uint64_t sstatus = 0;
  /// Where the trap entry finds the kernel again; set by `enter_user`.
  std::uint64_t kernel_sp = 0;
  std::uint64_t kernel_tp = 0;
  /// Null: every trap ends user mode.
  QuickHandler quick = nullptr;
  /// Whose context it is, for `quick`.
  void* owner = nullptr;
  /// What ended user mode, when `quick` was asked and did not go back.
  std::uint64_t cause = 0;
  std::uint64_t value = 0;
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
  kHandled,    ///< `quick` has done all that was asked, but something else came up
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

/// `UserContext::cause` where the trap has been handled. No trap has it.
inline constexpr std::uint64_t kHandledCause = std::uint64_t{1} << 62;

/// Back to user mode. *Requires*: interrupts are off, and nothing else is to be done first.
inline QuickOutcome quick_back(UserContext& context) noexcept {
  return {&context, 1};
}
/// The trap is the caller's of `enter_user`, unchanged. *Requires*: interrupts are off.
inline QuickOutcome quick_refused(UserContext& context, std::uint64_t cause,
                                  std::uint64_t value) noexcept {
  context.cause = cause;
  context.value = value;
  return {&context, 0};
}
/// The trap is handled; `enter_user` returns `kHandled`. *Requires*: interrupts are off.
inline QuickOutcome quick_left(UserContext& context) noexcept {
  return quick_refused(context, kHandledCause, 0);
}

/// Whether `pc` may be given to `enter_user`: it lies in the lower half.
constexpr bool is_user_pc(std::uint64_t pc) noexcept {
  return (pc >> 63) == 0;
}

}  // namespace quoll::arch
