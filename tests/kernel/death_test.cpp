// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Whatever stops the kernel, the machine stops with status 125 and a line that says why. Each of
// these has a machine of its own.
#include <array>
#include <cstring>

#include <quoll/arch/current.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll {
namespace {

constexpr std::array<std::uint32_t, 4> kConstants{1, 2, 3, 4};
constinit std::array<std::uint32_t, 2> data{0x0000'8067, 0};  // `ret`, but data

/// A pointer that the compiler knows nothing about.
template <typename T = std::uint64_t>
volatile T* somewhere(std::uint64_t address) noexcept {
  asm volatile("" : "+r"(address));
  // SAFETY: the access is what the test is about.
  return reinterpret_cast<volatile T*>(address);
}

std::uint64_t code_address() noexcept {
  // SAFETY: the address of this function's code, as a number.
  return reinterpret_cast<std::uint64_t>(&code_address);
}

[[gnu::noinline]] std::uint64_t recurse(std::uint64_t depth) noexcept {
  std::array<std::uint64_t, 16> room{};
  room[depth % 16] = depth;
  asm volatile("" : : "r"(room.data()) : "memory");
  if (depth == ~std::uint64_t{0}) return 0;
  return recurse(depth + 1) + room[depth % 16];
}

/// Runs `act` on a hart; this one waits, as an idle hart or with nothing but its loop.
async::Task<void> act_on_hart(unsigned hart, void (*act)()) {
  while (arch::Harts::id() != hart) co_await exec::yield_now();
  act();
}
void on_hart(unsigned hart, void (*act)()) noexcept {
  // More tasks than harts: those that land elsewhere keep yielding until a thief takes them.
  for (unsigned i = 0; i < 16; ++i) {
    if (!exec::spawn(act_on_hart(hart, act))) panic::panic("no memory for the test");
  }
}
/// Keeps this hart, interrupts on, without ever coming back to the executor.
void wait_for_the_end() noexcept {
  for (;;) arch::Interrupts::relax();
}

KTEST_DEATH(Death, Panic, says("the test says 42")) {
  panic::stop("the test says 42");
}

KTEST_DEATH(Death, PanicOnAnotherHart, says("from hart 2"), harts("4")) {
  if (arch::Harts::id() == 2) panic::stop("from hart 2");
  on_hart(2, [] { panic::stop("from hart 2"); });
  wait_for_the_end();
}

async::Task<void> be_busy() {
  for (;;) arch::Interrupts::relax();
  co_return;
}
KTEST_DEATH(Death, PanicWhileOthersAreBusy, says("while others are busy"), harts("4")) {
  for (unsigned i = 0; i < 8; ++i) {
    if (!exec::spawn(be_busy())) panic::panic("no memory for the test");
  }
  const exec::Ticks until = exec::now() + exec::ticks_per_second() / 20;
  while (exec::now() < until) arch::Interrupts::relax();
  panic::stop("while others are busy");
}

KTEST_DEATH(Death, SecondPanic, prints("panic while panicking: …")) {
  // The report itself faults: its text is where nothing is mapped.
  const auto* const nowhere = const_cast<const std::uint64_t*>(somewhere(0x1000));
  // SAFETY: never read but by the report.
  panic::panic_with({reinterpret_cast<const char*>(nowhere), 8}, nullptr, 0);
}

KTEST_DEATH(Death, Assertion, says("…1 + 1 == 3…")) {
  unsigned one = 1;
  asm volatile("" : "+r"(one));
  const sync::InterruptGuard<arch::Interrupts> guard;
  QUOLL_ASSERT(one + 1 == 3 || 1 + 1 == 3);
}

KTEST_DEATH(Death, NullPointer, says("null pointer: load page fault…")) {
  (void)*somewhere(0);
}

KTEST_DEATH(Death, IllegalInstruction, says("kernel fault: illegal instruction…")) {
  asm volatile(".4byte 0");
}

KTEST_DEATH(Death, WriteToCode, says("kernel fault: store page fault…")) {
  *somewhere<std::uint16_t>(code_address()) = 0;
}

KTEST_DEATH(Death, WriteToConstants, says("kernel fault: store page fault…")) {
  *somewhere<std::uint32_t>(mem::address_of(&kConstants).value()) = 0;
}

KTEST_DEATH(Death, WriteToCodeThroughPhysicalMap, says("kernel fault: store page fault…")) {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  // Code runs in place in the ELF file: every page of it is closed to writes there too.
  *somewhere(info.physmap.to_virtual(info.kernel_elf.start)) = 0;
}

KTEST_DEATH(Death, ExecuteData, says("wild jump: instruction page fault…")) {
  auto address = mem::address_of(&data).value();
  asm volatile("" : "+r"(address));
  // SAFETY: the jump is what the test is about.
  reinterpret_cast<void (*)()>(address)();
}

KTEST_DEATH(Death, UserMemoryWithoutCopy, says("user memory: load page fault…")) {
  auto space = vm::AddressSpace::create(vm::kernel_space());
  ASSERT_TRUE(space.has_value());
  const auto page = (*space)->map_anonymous(vm::Placement::anywhere(), mem::kPageSize,
                                            mem::Permissions::read_write().for_user());
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(static_cast<int>((*space)->handle_fault(page->start(), mem::Access::kWrite)),
            static_cast<int>(vm::FaultOutcome::kResolved));
  (*space)->activate();
  (void)*somewhere(page->start().value());
}

KTEST_DEATH(Death, StackGuard, says("stack guard: store page fault…")) {
  *somewhere(arch::hart_local().stack_low - 8) = 0;
}

KTEST_DEATH(Death, StackOverflow, says("stack overflow: store page fault…"), names("recurse")) {
  recurse(arch::Harts::id());
}

KTEST_DEATH(Death, StackOverflowOnAnotherHart, says("stack overflow: store page fault…"),
            names("recurse"), harts("4")) {
  if (arch::Harts::id() == 3) {
    recurse(0);
  }
  on_hart(3, [] { recurse(arch::Harts::id()); });
  wait_for_the_end();
}

}  // namespace
}  // namespace quoll
