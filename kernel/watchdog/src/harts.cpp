// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that do not reach their scheduler: seen by the others at their ticks, and by themselves.
#include <array>
#include <atomic>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/panic/backtrace.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/kernel/watchdog/hart_watch.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/lock_rank.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "locks.hpp"
#include "log_target.hpp"

namespace quoll::watchdog {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kTicksPerLimit = 4;
constexpr std::size_t kTraceRecords = 16;

/// What is kept of each hart.
struct alignas(64) Watched {
  HartWatch watch;
  /// When it was asked where it is; 0: it was not, or has answered.
  std::atomic<std::uint64_t> asked{0};
};

constinit std::array<Watched, sync::kMaxHarts> harts{};
constinit std::atomic<std::uint64_t> hart_limit{0};
constinit std::atomic<std::uint64_t> lock_limit{0};

std::uint64_t interval() noexcept {
  return std::max<std::uint64_t>(hart_limit.load(std::memory_order_relaxed) / kTicksPerLimit, 1);
}

std::uint64_t milliseconds(std::uint64_t ticks) noexcept {
  return exec::nanoseconds_from_ticks(ticks) / 1'000'000;
}

void put(std::string_view text) noexcept {
  tracing::write_line(text);
}

/// This hart says what it is at.
void tell_of_oneself(const arch::TrapFrame* frame) noexcept {
  const unsigned self = arch::hart_local().id;
  if (const async::TaskHeader* const task = exec::current_task()) {
    log::error(kTarget, "hart {} is in task {} ({})", self, task->id(), task->name());
  } else {
    log::error(kTarget, "hart {} is in no task", self);
  }
  sync::locks_held().for_each([self](sync::LockRank rank) {
    log::error(kTarget, "hart {} holds the spin lock of rank {}", self, sync::to_string(rank));
  });
  if (frame != nullptr) panic::print_interrupted(&put, *frame);
}

void say_that_it_is_back(unsigned hart, std::uint64_t after) noexcept {
  log::warn(kTarget, "hart {} has reached its scheduler again, after {} ms", hart,
            milliseconds(after));
}

/// Notes whether this hart has got anywhere.
void note_oneself(const arch::HartLocal& local, const arch::TrapFrame* frame,
                  std::uint64_t now) noexcept {
  HartWatch& own = harts[local.id].watch;
  // In user mode and asleep there is nothing to wait for. Tasks that were resumed and slices of
  // guests are counted together: neither goes back.
  const bool there = frame == nullptr || local.parked;
  const auto back = there ? own.reached(now)
                          : own.progress(exec::executor().resumed(local.id) + local.slice_end, now);
  if (back) say_that_it_is_back(local.id, *back);
}

void report(unsigned hart, std::uint64_t silence, const arch::HartLocal& local,
            const arch::TrapFrame* frame, std::uint64_t now) noexcept {
  log::error(kTarget, "hart {} has not reached its scheduler for {} ms", hart,
             milliseconds(silence));
  tracing::print_last(hart, kTraceRecords, &put);
  if (hart == local.id) return tell_of_oneself(frame);
  harts[hart].asked.store(now, std::memory_order_release);
  ipi::post(hart, ipi::Reason::kTellWhere);
}

void look_at(unsigned hart, const arch::HartLocal& local, const arch::TrapFrame* frame,
             std::uint64_t now) noexcept {
  Watched& other = harts[hart];
  const std::uint64_t limit = hart_limit.load(std::memory_order_relaxed);
  if (limit == 0) return;
  // The others come first: this hart may be the one that goes wrong.
  const std::uint64_t patience = hart == local.id ? limit + interval() : limit;
  if (const auto silence = other.watch.claim(now, patience)) {
    report(hart, *silence, local, frame, now);
    return;
  }
  std::uint64_t asked = other.asked.load(std::memory_order_acquire);
  if (asked == 0 || now - asked < interval()) return;
  if (other.asked.compare_exchange_strong(asked, 0)) {
    log::error(kTarget, "hart {} takes no interrupts", hart);
  }
}

/// Has the timer fire for the next tick. *Context*: interrupts off.
void arm(arch::HartLocal& local, std::uint64_t at) noexcept {
  local.watch_at = at;
  arch::set_timer(or_tick(local, local.deadline));
  if (at != kNever) arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
}

/// Begins anew with the present limit. *Context*: interrupts off.
void restart(arch::HartLocal& local) noexcept {
  const std::uint64_t now = arch::read_time();
  const bool wanted = hart_limit.load(std::memory_order_acquire) != 0;
  harts[local.id].asked.store(0, std::memory_order_relaxed);
  harts[local.id].watch.start(now);
  if (!wanted && !ticks(local)) return;
  arm(local, wanted ? now + interval() : kNever);
}

}  // namespace

void start(const Limits& limits) noexcept {
  hart_limit.store(limits.hart, std::memory_order_release);
  lock_limit.store(limits.lock, std::memory_order_relaxed);
  watch_locks(limits.lock);
}

void start_hart() noexcept {
  restart(arch::hart_local());
}

Limits limits() noexcept {
  return {lock_limit.load(std::memory_order_relaxed), hart_limit.load(std::memory_order_relaxed)};
}

void configure(const Limits& limits) noexcept {
  start(limits);
  const sync::InterruptGuard<arch::Interrupts> guard;
  const unsigned self = arch::Harts::id();
  const sync::HartSet others = sync::HartSet::first(arch::Harts::count()).without(self);
  others.for_each([](unsigned hart) {
    // A longer limit counts from now on, whenever the hart gets to its ticks.
    harts[hart].watch.start(arch::read_time());
  });
  restart(arch::hart_local());
  ipi::post(others, ipi::Reason::kRenewWatch);
}

void tick(const arch::TrapFrame* frame) noexcept {
  arch::HartLocal& local = arch::hart_local();
  const std::uint64_t now = arch::read_time();
  if (now < local.watch_at) return;
  local.watch_at = now + interval();
  note_oneself(local, frame, now);
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) look_at(hart, local, frame, now);
  // Perhaps nobody else ever does.
  tracing::print_waiting();
}

void renew() noexcept {
  restart(arch::hart_local());
}

void answer(const arch::TrapFrame* frame) noexcept {
  // Not if it was taken back meanwhile.
  if (harts[arch::hart_local().id].asked.exchange(0) != 0) tell_of_oneself(frame);
  tracing::print_waiting();
}

}  // namespace quoll::watchdog
