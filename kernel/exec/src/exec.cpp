// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <new>
#include <span>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/user_entry.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/quiescence.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/irq/strays.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/metrics/metrics.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/once.hpp>

namespace quoll::exec {
namespace {

/// A guest's slice: with twenty guests on a hart each still comes round five times a second.
constexpr std::uint64_t kSliceMicroseconds = 10'000;

constinit Machine machine;
constinit sync::Quiescence readers;
constinit sync::OnceCell<KernelExecutor> executor_cell;
// What is in the cell. Every system call asks for it several times: set before there are any, and
// before other harts come, it needs no check.
constinit KernelExecutor* the_executor = nullptr;
constinit Ticks frequency = 10'000'000;
constinit Ticks slice = 100'000;

/// What handlers have to say takes long: they leave it to a hart that takes interrupts. Whether a
/// line of the log was written, which may have made a task of this hart ready.
bool tell_what_handlers_left() noexcept {
  const bool logged = irq::tell_of_strays();
  tracing::print_waiting();
  return logged;
}

[[gnu::noinline]] arch::UserExit enter_user_counted(arch::UserContext& context) {
  const std::uint64_t entered = metrics::entering_user();
  const arch::UserExit exit = arch::enter_user(context);
  metrics::left_user(entered);
  return exit;
}

}  // namespace

bool start(Ticks ticks_per_second_of_clock) noexcept {
  const std::size_t count = arch::Harts::count();
  auto* const harts = new (std::nothrow) KernelExecutor::Hart[count];
  if (harts == nullptr) return false;
  frequency = ticks_per_second_of_clock;
  the_executor = &executor_cell.emplace(machine, std::span(harts, count));
  slice = std::max<Ticks>(frequency / 1'000'000 * kSliceMicroseconds, 1);
  return true;
}

void start_hart() noexcept {
  readers.join(arch::hart_local().quiescence);
}

sync::Quiescence& quiescence() noexcept {
  return readers;
}

KernelExecutor& executor() noexcept {
  return *the_executor;
}

async::TaskHeader* current_task() noexcept {
  return the_executor != nullptr ? the_executor->current() : nullptr;
}

Ticks now() noexcept {
  return arch::read_time();
}

Ticks ticks_per_second() noexcept {
  return frequency;
}

// Seconds and the rest apart: no product passes 64 bits for clocks below 18 GHz.
Ticks ticks_from_nanoseconds(std::uint64_t nanoseconds) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto seconds = base::checked_mul<Ticks>(nanoseconds / kSecond, frequency);
  if (!seconds) return async::kNever;
  return base::checked_add<Ticks>(*seconds, nanoseconds % kSecond * frequency / kSecond)
      .value_or(async::kNever);
}

std::uint64_t nanoseconds_from_ticks(Ticks ticks) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return ticks / frequency * kSecond + ticks % frequency * kSecond / frequency;
}

void Machine::set_deadline(Ticks deadline) noexcept {
  arch::HartLocal& local = arch::hart_local();
  local.timer_fired = false;
  // Past the alarm the hart has been told, and need not be again.
  if (const Ticks alarm = irq::alarm(); alarm < deadline && alarm > arch::read_time()) [[unlikely]]
    deadline = alarm;
  if (local.deadline == deadline) return;
  local.deadline = deadline;
  arch::set_timer(watchdog::or_tick(local, deadline));
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
}

void Machine::park(bool (*may_sleep)(void*), void* argument) noexcept {
  // A hart that sleeps keeps nothing of a guest that may end meanwhile.
  vm::kernel_space().activate();
  sync::QuiescentHart& reader = arch::hart_local().quiescence;
  if (reader.is_asked()) [[unlikely]] {
    // This may make a task of this hart ready, of which `may_sleep` would know nothing.
    answer_writers();
    return;
  }
  if (tell_what_handlers_left()) [[unlikely]]
    return;
  arch::Interrupts::disable();
  // A deadline that passed since it was set has been taken and will not come again. While it sleeps
  // the hart reads nothing that is shared; if it has just been asked it answers first.
  if (!arch::hart_local().timer_fired && may_sleep(argument) && readers.try_leave(reader)) {
    trace::Local& local = arch::trace_local();
    const std::uint64_t slept = trace::begin(trace::Group::kSched);
    if (slept != 0) {
      local.begin.store(slept, std::memory_order_relaxed);
      local.task.store(trace::Local::kParked, std::memory_order_relaxed);
    }
    arch::Interrupts::wait();
    local.task.store(0, std::memory_order_relaxed);
    trace::record_since<trace::Event::kPark>(slept);
    readers.come_back(reader);
  }
  // Whatever ended the wait is pending and taken here: there is nothing to go back to that a trap
  // would have to save.
  arch::hart_local().parked = true;
  irq::handle_pending();
  arch::Interrupts::enable();
  arch::hart_local().parked = false;
}

void Machine::wake(std::size_t hart) noexcept {
  ipi::post(static_cast<unsigned>(hart), ipi::Reason::kWake);
}

void Machine::answer_writers() noexcept {
  readers.pass(arch::hart_local().quiescence);
}

void Machine::before_suspend(async::TaskHeader&) noexcept {
  if (arch::UserContext* const dirty = arch::hart_local().float_dirty) arch::save_float(*dirty);
}

arch::UserExit enter_user(arch::UserContext& context, async::CancelToken stop) {
  arch::HartLocal& local = arch::hart_local();
  readers.pass(local.quiescence);
  (void)tell_what_handlers_left();
  // What is due now is among what idle harts are offered.
  const Ticks next_timer = executor().poll_timers();
  executor().offer_work();
  const std::uint64_t epoch = executor().resumed(local.id);
  if (local.slice_epoch != epoch) {
    local.slice_epoch = epoch;
    local.slice_end = arch::read_time() + slice;
    local.slice_over = false;
  }
  machine.set_deadline(std::min(next_timer, local.slice_end));
  arch::Interrupts::disable();
  // From here on nothing can come in unseen: it would be pending when user mode begins.
  if (executor().urgent_work() || local.timer_fired || stop.cancelled()) [[unlikely]] {
    arch::Interrupts::enable();
    return {.kind = arch::UserExitKind::kInterrupt};
  }
  // All that it may have stood for has been looked at: tasks that are ready were offered, the rest
  // by the lines above.
  local.attention = false;
  const arch::UserExit exit =
      metrics::counting() ? enter_user_counted(context) : arch::enter_user(context);
  const riscv::TrapCause cause(exit.cause);
  const bool interrupted = exit.kind == arch::UserExitKind::kInterrupt;
  if (interrupted) irq::handle(cause);
  arch::Interrupts::enable();
  // Any number of timers may be due.
  if (interrupted && cause.is(riscv::Interrupt::kTimer)) executor().poll_timers();
  if (local.float_dirty == &context) executor().current()->hook_suspend();
  return exit;
}

bool should_yield() noexcept {
  if (executor().urgent_work()) return true;
  arch::HartLocal& local = arch::hart_local();
  if (!local.slice_over && arch::read_time() < local.slice_end) return false;
  local.slice_over = false;
  local.slice_epoch = ~std::uint64_t{0};  // a new slice, here or after the others
  return executor().other_work();
}

void forget_user(arch::UserContext& context) noexcept {
  arch::forget_float(context);
}

void kick(unsigned hart) noexcept {
  if (hart == arch::Harts::id()) {
    arch::hart_local().attention = true;
    return;
  }
  ipi::post(hart, ipi::Reason::kKick);
}

}  // namespace quoll::exec
