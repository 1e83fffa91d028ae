// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Traps out of the kernel itself: interrupts, faults of the user copy routine, and bugs.
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/trap_frame.hpp>
#include <quoll/arch/user_memory.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll {
namespace {
constexpr std::size_t kThreadPointer = 4;
}

extern "C" void quoll_trap_from_kernel(arch::TrapFrame* frame) noexcept {
  const riscv::TrapCause cause(frame->cause);
  const arch::HartLocal& local = arch::hart_local();
  // Nothing that runs on a broken stack or without its thread pointer is gone on with.
  const bool sound =
      frame->bad_stack == 0 && frame->x[kThreadPointer] == mem::address_of(&local).value();
  if (sound) {
    if (cause.is_interrupt()) {
      if (panic::in_progress()) panic::halt_hart(*frame);
      return irq::handle(cause, frame);
    }
    if (const auto fixup = arch::fault_fixup(frame->pc)) {
      frame->pc = *fixup;
      return;
    }
  }
  panic::kernel_fault(*frame);
}

}  // namespace quoll
