// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "fault.hpp"

#include <algorithm>

#include <quoll/base/bits.hpp>

namespace quoll::guest {
namespace {

using abi::Error;
using base::err;

constexpr std::uint64_t kStackAlignment = 16;

base::Result<void, Error> fault_upcall(Guest& guest, std::uint64_t handler,
                                       std::uint64_t stack_top) {
  const std::uint64_t end = guest.space().bounds().end().value();
  if (handler != 0 && (handler >= end || stack_top > end)) return err(Error::kBadArgument);
  guest.upcall().handler = handler;
  guest.upcall().stack_top = handler != 0 ? stack_top : 0;
  return {};
}

}  // namespace

void explain(Guest& guest, vm::FaultOutcome outcome, Fault& fault) {
  if (const auto region = guest.space().region_at(mem::VirtualAddress(fault.address))) {
    fault.region_start = region->range.start().value();
    fault.region_end = region->range.end().value();
  }
  switch (outcome) {
    case vm::FaultOutcome::kOutOfMemory:
      fault.kind = abi::FaultKind::kOutOfMemory;
      break;
    case vm::FaultOutcome::kNotMapped:
      fault.cause = abi::FaultCause::kUnmapped;
      break;
    case vm::FaultOutcome::kDenied:
      fault.cause = abi::FaultCause::kDenied;
      break;
    case vm::FaultOutcome::kGuard:
      fault.cause = abi::FaultCause::kGuard;
      break;
    case vm::FaultOutcome::kOutsideVmo:
      fault.cause = abi::FaultCause::kOutsideFile;
      break;
    case vm::FaultOutcome::kUnavailable:
    case vm::FaultOutcome::kMustWait:  // it was waited for, and did not come
      fault.cause = abi::FaultCause::kUnavailable;
      break;
    case vm::FaultOutcome::kResolved:
      break;
  }
}

bool deliver_fault(Guest& guest, const Fault& fault) {
  FaultUpcall& upcall = guest.upcall();
  if (upcall.handler == 0 || upcall.running) return false;
  if (upcall.stack_top < sizeof(abi::FaultFrame) + kStackAlignment) return false;
  const std::uint64_t at =
      base::align_down(upcall.stack_top - sizeof(abi::FaultFrame), kStackAlignment);

  arch::UserContext& context = guest.context();
  abi::FaultFrame frame{};
  frame.kind = fault.kind;
  frame.address = fault.address;
  frame.pc = fault.pc;
  frame.cause = fault.cause;
  frame.region_start = fault.region_start;
  frame.region_end = fault.region_end;
  std::copy(context.x.begin() + 1, context.x.end(), frame.registers + 1);
  if (!write_structure(guest, at, frame)) return false;

  context.x[arch::kRegA0] = at;
  context.x[arch::kRegSp] = at;
  context.pc = upcall.handler;
  upcall.running = true;
  return true;
}

base::Result<void, Error> return_from_fault(Guest& guest, std::uint64_t address) {
  if (!guest.upcall().running) return err(Error::kBadArgument);
  const abi::FaultFrame frame = TRY(read_structure<abi::FaultFrame>(guest, address));
  if (frame.pc >= guest.space().bounds().end().value()) return err(Error::kBadArgument);
  arch::UserContext& context = guest.context();
  std::copy(frame.registers + 1, frame.registers + 32, context.x.begin() + 1);
  context.pc = frame.pc;
  guest.upcall().running = false;
  return {};
}

CallResult call_fault_upcall(Guest& guest, CallRegisters arguments) {
  return to_call_result(fault_upcall(guest, arguments.a[0], arguments.a[1]));
}

}  // namespace quoll::guest
