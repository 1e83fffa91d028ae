// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Panics where no task can be ended instead: "Panics elsewhere" of docs/panic.md.
#include <array>
#include <atomic>
#include <cstddef>

#include <quoll/arch/current.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/mmio.hpp>
#include <quoll/arch/trap_frame.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/riscv/trap_cause.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "alarm_clock.hpp"
#include "failures_support.hpp"

namespace quoll::failures {
namespace {

using Lock = sync::SpinLock<sync::LockRank::kDevice>;
using IrqLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kRandom>;

constinit std::array<Lock, sync::kMaxHarts> locks;
constinit IrqLock irq_lock;

QUOLL_NAMED void panic_locked(const char* message) {
  sync::LockGuard guard(locks[arch::Harts::id()]);
  panic::panic("{}", message);
}
KTEST_DEATH(Failures, PanicWithLock, says("with a lock"), names("panic_locked"),
            prints("locks held: …device")) {
  panic_locked("with a lock");
}

QUOLL_NAMED void assert_locked(unsigned locked) {
  sync::LockGuard guard(irq_lock);
  QUOLL_ASSERT(locked == 3);
}
KTEST_DEATH(Failures, AssertionWithLock, says("locked == 3"), names("assert_locked"),
            prints("locks held: …random")) {
  assert_locked(opaque(2U));
}

QUOLL_NAMED void panic_masked() {
  sync::InterruptGuard<arch::Interrupts> off;
  panic::panic("interrupts off");
}
KTEST_DEATH(Failures, PanicWithInterruptsOff, says("interrupts off"), names("panic_masked")) {
  panic_masked();
}

/// The kernel's executor, but for one thing: a task that is woken in an interrupt fails there.
class FailingScheduler final : public async::Scheduler {
 public:
  constexpr explicit FailingScheduler(void (*fail)()) noexcept : fail_(fail) {}
  void schedule(async::TaskHeader& task) noexcept override {
    if (arch::hart_local().interrupt_depth != 0) fail_();
    exec::executor().schedule(task);
  }
  void start(async::TaskHeader& task) noexcept override { exec::executor().start(task); }
  std::coroutine_handle<> yield(async::TaskHeader& task) noexcept override {
    return exec::executor().yield(task);
  }
  void before_suspend(async::TaskHeader& task) noexcept override {
    exec::executor().before_suspend(task);
  }
  async::TimerWheel& timers() noexcept override { return exec::executor().timers(); }
  std::coroutine_handle<> task_ended() noexcept override { return std::noop_coroutine(); }

 private:
  void (*fail_)();
};

async::Task<void> wait_for(async::Signal& signal) {
  (void)co_await signal.wait();
}
/// Has `fail` called by an interrupt handler.
async::Task<void> fail_in_interrupt(void (*fail)()) {
  static constinit device::AlarmClock clock;
  static constinit async::Signal signal;
  FailingScheduler scheduler(fail);
  CO_ASSERT_TRUE(clock.find() && irq::attach(clock.source(), signal).has_value());
  const auto waiter = async::spawn(scheduler, wait_for(signal), "waiter");
  CO_ASSERT_TRUE(waiter.has_value());
  // Time for the task to wait.
  (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 100);
  clock.ring();
  (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second());
}

QUOLL_NAMED void panic_in_handler() {
  panic::panic("in an interrupt");
}
KTEST_TASK_DEATH(Failures, PanicInInterrupt, says("in an interrupt"),
                 names("panic_in_handler", "handle_others")) {
  EXPECT_TRUE((co_await fail_in_interrupt(&panic_in_handler).checked()).has_value());
}

QUOLL_NAMED void fault_in_handler() {
  (void)*somewhere(0);
}
KTEST_TASK_DEATH(Failures, FaultInInterrupt, says("null pointer: load page fault …"),
                 names("fault_in_handler", "handle_others")) {
  EXPECT_TRUE((co_await fail_in_interrupt(&fault_in_handler).checked()).has_value());
}

QUOLL_NAMED void fire_and_panic(async::Timer&) noexcept {
  panic::panic("when it fires");
}
KTEST_DEATH(Failures, PanicInTimerCallback, says("when it fires"),
            names("fire_and_panic", "quoll::async::TimerWheel::expire"),
            then("a panic reached a noexcept function")) {
  async::TimerWheel& queue = exec::executor().timers();
  async::Timer timer;
  timer.deadline = 1;
  timer.fire = &fire_and_panic;
  // Under the lock, a kernel that checks more would stop at once: it contains nothing then.
  timer.fires_unlocked = true;
  {
    async::detail::LockGuard guard(queue.lock());
    queue.insert_locked(timer);
  }
  exec::executor().poll_timers();
}

constinit async::TimerWheel* fired_queue = nullptr;
QUOLL_NAMED void fire_unlocked(async::Timer&) noexcept {
  fired_queue->lock().unlock();
  panic::panic("no task");
}
KTEST_TASK_DEATH(Failures, PanicInExecutor, says("no task"),
                 names("fire_unlocked", "quoll::async::TimerWheel::expire")) {
  fired_queue = &exec::executor().timers();
  async::Timer timer;
  timer.deadline = exec::now() + exec::ticks_per_second() / 100;
  timer.fire = &fire_unlocked;
  {
    async::detail::LockGuard guard(fired_queue->lock());
    fired_queue->insert_locked(timer);
  }
  (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second());
}

QUOLL_NAMED void panic_there() {
  sync::InterruptGuard<arch::Interrupts> off;
  panic::panic("from hart {}", arch::Harts::id());
}
KTEST_DEATH(Failures, PanicOnAnotherHart, says("from hart 2"), names("panic_there"),
            prints("hart 0 stopped at", "hart 1 stopped at", "hart 3 stopped at"), harts("4")) {
  on_hart(2, &panic_there);
}

KTEST_DEATH(Failures, HartsStopTogether, says("together"), names("panic_locked"),
            prints("panicked too: together"), harts("4")) {
  on_every_hart([](unsigned) {
    // All deaf to the one that comes first, before it does.
    static constinit std::atomic<unsigned> deaf{0};
    arch::Interrupts::disable();
    deaf.fetch_add(1);
    while (deaf.load() != arch::Harts::count()) arch::Interrupts::relax();
    panic_locked("together");
  });
}

QUOLL_NAMED void panic_alone() {
  sync::LockGuard guard(locks[0]);
  panic_plainly("alone");
}
KTEST_DEATH(Failures, HartDoesNotStop, says("alone"), names("panic_plainly", "panic_alone"),
            prints("hart 1 did not stop"), harts("2")) {
  on_every_hart([](unsigned hart) {
    static constinit std::atomic<bool> deaf{false};
    if (hart == 1) {
      arch::Interrupts::disable();
      deaf.store(true);
      for (;;) arch::Interrupts::relax();
    }
    while (!deaf.load()) arch::Interrupts::relax();
    panic_alone();
  });
}

QUOLL_NAMED void wait_for_the_end() noexcept {
  for (;;) arch::Interrupts::relax();
}
KTEST_DEATH(Failures, OthersSayWhatTheyWereAt, says("alone"), names("panic_plainly", "panic_alone"),
            prints("wait_for_the_end"), harts("2")) {
  on_every_hart([](unsigned hart) {
    static constinit std::atomic<bool> there{false};
    if (hart == 1) {
      there.store(true);
      wait_for_the_end();
    }
    while (!there.load()) arch::Interrupts::relax();
    panic_alone();
  });
}

KTEST_DEATH(Failures, PanicWhilePanicking, prints("panic while panicking: …")) {
  // The report itself faults: its text is where nothing is mapped.
  const auto* const nowhere = const_cast<const std::uint64_t*>(somewhere(0x1000));
  // SAFETY: never read but by the report.
  panic::panic_with({reinterpret_cast<const char*>(nowhere), 8}, nullptr, 0);
}

KTEST_DEATH(Failures, UnhandledInterrupt, says("unhandled interrupt …"), names("handle_others")) {
  constexpr std::uint64_t kInterrupt = std::uint64_t{1} << 63;
  arch::Interrupts::disable();
  irq::handle(riscv::TrapCause(kInterrupt | 7));
}

QUOLL_NAMED void forge_trap() {
  arch::Interrupts::disable();
  arch::TrapFrame frame{};
  // SAFETY: what the trap entry would have found in the registers.
  asm volatile(
      "sd ra, 8(%0)\n"
      "sd sp, 16(%0)\n"
      "sd gp, 24(%0)\n"
      "sd tp, 32(%0)\n"
      "sd s0, 64(%0)\n"
      "lla t0, .\n"
      "sd t0, 256(%0)"
      :
      : "r"(&frame)
      : "t0", "memory");
  frame.cause = 24;
  arch::quoll_trap_from_kernel(&frame);
}
KTEST_DEATH(Failures, UnhandledTrap, says("kernel fault: unknown exception …"),
            names("forge_trap")) {
  forge_trap();
}

}  // namespace
}  // namespace quoll::failures
