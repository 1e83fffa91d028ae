// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What each hart has for itself, at `tp`.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/sync/quiescence.hpp>
#include <quoll/trace/local.hpp>

namespace quoll::arch {

struct UserContext;

/// The start of every hart's TLS block. The offsets of the first fields are known to trap.S.
struct HartLocal {
  std::uint64_t saved_t0 = 0;   ///< trap entry's scratch
  std::uint64_t saved_t1 = 0;   ///< trap entry's scratch
  std::uint64_t stack_low = 0;  ///< this hart's stack
  std::uint64_t stack_high = ~std::uint64_t{0};
  std::uint64_t emergency_low = 0;  ///< where traps go when the stack is no good
  std::uint64_t emergency_high = 0;
  std::uint64_t saved_a0 = 0;  ///< trap entry's scratch
  std::uint64_t entering = 0;  ///< traps that have not got as far as their frame

  std::uint32_t id = 0;                        ///< dense logical id
  std::uint32_t interrupt_depth = 0;           ///< above zero inside an interrupt handler
  std::uint64_t own_offset = 0;                ///< `id` times `Harts::kOwnSize`
  std::uint64_t deadline = ~std::uint64_t{0};  ///< what the timer is set to
  UserContext* float_owner = nullptr;          ///< whose floating-point registers the hart holds
  UserContext* float_dirty = nullptr;          ///< the owner, if its stored copy is out of date
  std::uint64_t slice_end = 0;                 ///< when the running guest's slice is over
  std::uint64_t slice_epoch = ~std::uint64_t{0};
  bool slice_over = false;
  bool timer_fired = false;      ///< since the deadline was set
  std::uint32_t panics = 0;      ///< how deep in panics this hart is
  std::uint64_t interrupts = 0;  ///< how many it has taken
  trace::Local trace;            ///< what the hart records
  /// When the watchdog wants to look; never: it does not.
  std::uint64_t watch_at = ~std::uint64_t{0};
  bool parked = false;             ///< sleeps, or has just been woken
  bool attention = false;          ///< user mode is not to go on before its task has looked around
  sync::QuiescentHart quiescence;  ///< between tasks the hart reads nothing that is shared
  void* executor = nullptr;        ///< what the executor keeps of this hart
};

/// Room for a trap frame, the unwinder and a whole report.
inline constexpr std::size_t kEmergencyStackSize = 16384;

/// The hart that runs this. Not to be kept across a suspension: the task may go on elsewhere.
inline HartLocal& hart_local() noexcept {
  HartLocal* local = nullptr;
  // SAFETY: tp points to the hart's TLS block from the kernel's first instruction on, and
  // HartLocal stands at its start (the link script asserts it). Volatile: never reused across
  // a coroutine's suspension.
  asm volatile("mv %0, tp" : "=r"(local));
  return *local;
}

}  // namespace quoll::arch
