// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Traps out of the kernel itself: interrupts, faults of the user copy routine, and bugs.
#include <quoll/arch/trap_frame.hpp>
#include <quoll/arch/user_memory.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/riscv/trap_cause.hpp>

extern "C" void quoll_trap_from_kernel(quoll::arch::TrapFrame* frame) noexcept {
  using namespace quoll;
  const riscv::TrapCause cause(frame->cause);
  if (cause.is_interrupt()) return irq::handle(cause);
  if (const auto fixup = arch::fault_fixup(frame->pc); fixup && frame->bad_stack == 0) {
    frame->pc = *fixup;
    return;
  }
  panic::kernel_fault(*frame);
}
