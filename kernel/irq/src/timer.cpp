// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The comparator's interrupt, which the executor, the watchdog and the alarm share.
#include "timer.hpp"

#include <atomic>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::irq {
namespace {

constexpr std::uint64_t kNoAlarm = ~std::uint64_t{0};
constinit std::atomic<std::uint64_t> alarm_at{kNoAlarm};
constinit std::atomic<void (*)() noexcept> alarm_rings{nullptr};

/// Has this hart interrupted at the alarm's time, whatever it does until then; past it, rings.
void mind_alarm(arch::HartLocal& local) noexcept {
  const std::uint64_t at = alarm_at.load(std::memory_order_acquire);
  if (at >= local.deadline) return;
  if (at <= arch::read_time()) {
    if (auto* const ring = alarm_rings.load(std::memory_order_relaxed)) ring();
    return;
  }
  local.deadline = at;
  arch::set_timer(watchdog::or_tick(local, at));
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
}

}  // namespace

void handle_timer(arch::HartLocal& local, const arch::TrapFrame* frame) noexcept {
  const bool watched = watchdog::ticks(local);
  if (watched) {
    watchdog::tick(frame);
    if (arch::read_time() < local.deadline) {
      // Nobody else has asked for it.
      arch::set_timer(watchdog::or_tick(local, local.deadline));
      return;
    }
  }
  // The executor looks at the clock before it sleeps or leaves, and sets the comparator anew.
  arch::Interrupts::disable_sources(riscv::interrupt_bit::kTimer);
  local.deadline = ~std::uint64_t{0};
  local.slice_over = true;
  local.timer_fired = true;
  if (watched) {
    arch::set_timer(local.watch_at);
    arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
  }
  mind_alarm(local);
}

void set_alarm(std::uint64_t at, void (*ring)() noexcept) noexcept {
  const sync::InterruptGuard<arch::Interrupts> guard;
  alarm_rings.store(ring, std::memory_order_relaxed);
  alarm_at.store(at, std::memory_order_release);
  if (at > arch::read_time()) mind_alarm(arch::hart_local());
}

std::uint64_t alarm() noexcept {
  return alarm_at.load(std::memory_order_relaxed);
}

}  // namespace quoll::irq
