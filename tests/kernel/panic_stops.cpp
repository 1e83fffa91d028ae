// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Trap entry where nothing but its own scratch space is as it should be. Each of these has a
// machine of its own.
#include <quoll/arch/current.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll {
namespace {

[[gnu::noinline]] void fault_on_stack(std::uint64_t sp) {
  asm volatile("mv sp, %0\n\tsd zero, 0(zero)" : : "r"(sp) : "memory");
}

// The guard page is one page; a frame may be larger.
KTEST_DEATH(Stops, FarBelowTheStack, says("stack overflow: store page fault…"),
            names("fault_on_stack")) {
  fault_on_stack(arch::hart_local().stack_low - std::uint64_t{3} * 4096);
}

// No access goes wrong, but an interrupt finds the stack pointer where it should not be.
KTEST_DEATH(Stops, InterruptOnABadStack, says("corrupted stack pointer: software interrupt…")) {
  arch::Interrupts::disable();
  ASSERT_TRUE(arch::sbi::send_ipi(sync::HartSet::of(arch::Harts::id())).has_value());
  const std::uint64_t sp = arch::hart_local().emergency_low - 256;
  asm volatile("mv sp, %0\n\tcsrsi sstatus, 2\n1:\n\tj 1b"
               :
               : "r"(sp & ~std::uint64_t{15})
               : "memory");
}

// The stack's bounds say that there is room where nothing is mapped.
KTEST_DEATH(Stops, TrapInsideTrapEntry, says("double fault: store page fault…")) {
  arch::HartLocal& local = arch::hart_local();
  local.stack_low = 0x10'0000;
  local.stack_high = 0x20'0000;
  fault_on_stack(0x18'0000);
}

}  // namespace
}  // namespace quoll
