// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What runs between a trap out of user mode and the way back, on the stack of the guest's task
// but without a step of it: no scheduler, no timer, no switch. Interrupts are on wherever a handler
// runs, as in any task. Whatever this cannot end at once goes to the thread, as if nobody had
// looked; `exec::may_go_back` argues why nothing that comes up meanwhile is missed.
#include "quick.hpp"

#include <quoll/arch/current.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/metrics/metrics.hpp>
#include <quoll/riscv/trap_cause.hpp>

#include "dispatch.hpp"

namespace quoll::guest {
namespace {

using arch::QuickOutcome;
using arch::UserContext;

Guest& guest_of(const UserContext& context) noexcept {
  return *static_cast<Guest*>(context.owner);
}

std::uint64_t trap_value() noexcept {
  return arch::read_csr<riscv::Csr::kStval>();
}

// Interrupts have been off since the trap.
QuickOutcome refuse(UserContext& context, std::uint64_t cause) noexcept {
  return arch::quick_refused(context, cause, trap_value());
}

QuickOutcome go_back_if_possible(UserContext& context) noexcept {
  arch::Interrupts::disable();
  return exec::may_go_back() ? arch::quick_back(context) : arch::quick_left(context);
}

QuickOutcome serve_call(UserContext& context, std::uint64_t cause) {
  const std::uint64_t number = context.x[arch::kRegA7];
  const CallHandler handler = handler_of(number);
  if (handler == nullptr) return refuse(context, cause);
  const std::uint64_t begun = trace::begin(trace::Group::kSyscall);
  context.pc += kEcallSize;
  arch::Interrupts::enable();
  const CallResult result = handler(guest_of(context), call_registers(context));
  if (must_wait(result.error)) [[unlikely]] {
    // The thread makes the call once more, and waits.
    context.pc -= kEcallSize;
    arch::Interrupts::disable();
    return arch::quick_refused(context, cause, 0);
  }
  context.x[arch::kRegA0] = static_cast<std::uint64_t>(result.error);
  context.x[arch::kRegA1] = result.value;
  if (begun != 0) [[likely]] {
    arch::trace_local().write<trace::Event::kSyscall>(trace::now(), context.x[arch::kRegA7],
                                                      result.error, result.value, begun);
  }
  return go_back_if_possible(context);
}

QuickOutcome serve_page_fault(UserContext& context, mem::Access access, std::uint64_t cause) {
  const std::uint64_t address = trap_value();
  const std::uint64_t begun = trace::begin(trace::Group::kFault);
  arch::Interrupts::enable();
  const vm::FaultOutcome outcome =
      guest_of(context).space().handle_fault(mem::VirtualAddress(address), access);
  if (outcome != vm::FaultOutcome::kResolved) [[unlikely]] {
    // Nothing was changed. The thread asks once more, notes it, and knows what follows.
    arch::Interrupts::disable();
    return arch::quick_refused(context, cause, address);
  }
  trace::record_since<trace::Event::kFault>(begun, access, outcome, trace::FaultOrigin::kGuest,
                                            address);
  return go_back_if_possible(context);
}

QuickOutcome serve(UserContext& context, std::uint64_t cause) {
  const riscv::TrapCause what(cause);
  if (what.is(riscv::Exception::kUserCall)) [[likely]]
    return serve_call(context, cause);
  if (const auto access = what.page_fault_access()) {
    return serve_page_fault(context, *access, cause);
  }
  return refuse(context, cause);
}

// Where user mode is counted, what is done here is no part of it.
QuickOutcome serve_counted(UserContext& context, std::uint64_t cause) {
  const std::uint64_t before = arch::read_instructions();
  const QuickOutcome outcome = serve(context, cause);
  metrics::not_in_user(arch::read_instructions() - before);
  return outcome;
}

}  // namespace

void serve_quickly(Guest& guest) noexcept {
  guest.context().owner = &guest;
  guest.context().quick = metrics::counting() ? serve_counted : serve;
}

}  // namespace quoll::guest
