// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Watchdogs: spin locks that are not let go, and harts that do not reach their scheduler.
#pragma once

#include <algorithm>
#include <cstdint>

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/trap_frame.hpp>

namespace quoll::watchdog {

/// In ticks of the clock; 0: not watched.
struct Limits {
  std::uint64_t lock = 0;
  std::uint64_t hart = 0;
};

/// *Context*: boot hart, before other harts come.
void start(const Limits& limits) noexcept;
/// Watches this hart. *Context*: each hart, once, with interrupts off.
void start_hart() noexcept;

Limits limits() noexcept;
/// Changes the limits at run time. Harts that are stuck already get another full limit.
/// *Context*: task.
void configure(const Limits& limits) noexcept;

/// Whether harts are watched, which then are interrupted now and again.
inline bool ticks(const arch::HartLocal& local) noexcept {
  return local.watch_at != ~std::uint64_t{0};
}
/// When the comparator has to fire for a hart that wants it at `deadline`.
inline std::uint64_t or_tick(const arch::HartLocal& local, std::uint64_t deadline) noexcept {
  return std::min(deadline, local.watch_at);
}

/// The timer has fired on a hart that is watched. `frame`: what was interrupted; null: user mode.
/// *Context*: interrupt handler.
void tick(const arch::TrapFrame* frame) noexcept;
/// The limit of harts was changed: this hart's ticks begin anew. *Context*: interrupt handler.
void renew() noexcept;
/// Another hart wants to know where this one is. *Context*: interrupt handler.
void answer(const arch::TrapFrame* frame) noexcept;

}  // namespace quoll::watchdog
