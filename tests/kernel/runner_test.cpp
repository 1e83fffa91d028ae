// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What tests can do to the runner. These run only when named in full: tests/kernel/runner.py names
// them, and compares what comes of each.
#include <atomic>
#include <new>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/page_audit.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::tests {
namespace {

constinit std::atomic<void*> lost{nullptr};
constinit std::atomic<void*> kept{nullptr};

KTEST_APART(Runner, Passes) {
  EXPECT_TRUE(true);
  EXPECT_EQ(6 * 7, 42);
}

KTEST_APART(Runner, Fails) {
  const int seven = 7;
  EXPECT_EQ(seven, 8);
  ASSERT_TRUE(seven == 9);
  EXPECT_EQ(seven, 10);  // not reached
}

KTEST_TASK_APART(Runner, FailsInAnotherTask) {
  auto other = exec::spawn([]() -> async::Task<void> {
    EXPECT_TRUE("another task" == nullptr);
    co_return;
  }());
  CO_ASSERT_TRUE(other.has_value());
  (void)co_await other->join();
}

KTEST_TASK_APART(Runner, Panics) {
  co_await exec::yield_now();
  panic::panic("the test panics");
}

KTEST_APART(Runner, PanicsPlainly) {
  panic::panic("the plain test panics");
}

KTEST_APART(Runner, ExpectsAPanic) {
  EXPECT_PANIC(panic::panic("an expected panic"));
}

KTEST_TASK_APART(Runner, ExpectsThePanicOfATask) {
  CO_EXPECT_PANIC([]() -> async::Task<int> {
    co_await exec::yield_now();
    panic::panic("an expected panic");
    co_return 1;
  }());
}

KTEST_APART(Runner, ExpectsAPanicInVain) {
  EXPECT_PANIC((void)lost.load());
}

KTEST_APART(Runner, Leaks) {
  // Nobody remembers the one before.
  lost.store(::operator new(1000, std::nothrow));
}

KTEST_APART(Runner, LeaksWithAReason, unbalanced("the test is about it")) {
  lost.store(::operator new(1000, std::nothrow));
}

KTEST_APART(Runner, KeepsSomethingFromTheFirstTime) {
  if (kept.load() == nullptr) kept.store(::operator new(1000, std::nothrow));
}

KTEST_TASK_APART(Runner, LeaksATask) {
  (void)exec::spawn([]() -> async::Task<void> {
    (void)co_await exec::sleep_until(exec::now() + 3600 * exec::ticks_per_second());
  }());
  co_return;
}

/// In a mapping that nobody runs: the kernel's own ELF in the physical map.
KTEST_APART(Runner, LeavesAnExecutablePageInThePhysicalMap) {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  std::uint64_t* const entry =
      entry_of(info.root_table, info.physmap.to_virtual(info.kernel_elf.start));
  ASSERT_TRUE(entry != nullptr);
  *entry |= 8;
}

KTEST_TASK_APART(Runner, TakesTooLong, within("200ms")) {
  (void)co_await exec::sleep_until(exec::now() + 3600 * exec::ticks_per_second());
}

[[gnu::noinline]] void hold_the_hart() noexcept {
  for (;;) arch::Interrupts::relax();
}

KTEST_APART(Runner, HoldsItsHart, within("200ms")) {
  hold_the_hart();
}

KTEST_APART(Runner, HoldsItsHartWithInterruptsOff, within("200ms")) {
  const sync::InterruptGuard<arch::Interrupts> guard;
  hold_the_hart();
}

KTEST_APART(Runner, StopsTheMachine) {
  panic::stop("the test stops the machine");
}

KTEST_APART(Runner, EndsTheMachineWithSuccess) {
  device::power_off(0);
}

/// Meets the others of its kind: each waits until all have begun.
async::Task<void> meet(unsigned expected) {
  static constinit std::atomic<unsigned> here{0};
  here.fetch_add(1);
  const exec::Ticks limit = exec::now() + 10 * exec::ticks_per_second();
  while (here.load() < expected && exec::now() < limit) co_await exec::yield_now();
  EXPECT_GE(here.load(), expected);
}

KTEST_TASK_APART(Runner, MeetsAnother, beside_others()) {
  EXPECT_TRUE((co_await meet(2).checked()).has_value());
}

KTEST_TASK_APART(Runner, MeetsTheOther, beside_others()) {
  EXPECT_TRUE((co_await meet(2).checked()).has_value());
}

KTEST_APART(Runner, StopsTheMachineBesideOthers, beside_others()) {
  panic::stop("the test stops the machine beside others");
}

}  // namespace
}  // namespace quoll::tests
