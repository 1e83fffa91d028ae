// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "fault.hpp"

#include <quoll/arch/hart_local.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll::panic {
namespace {

constexpr std::size_t kStackPointer = 2;
constexpr std::size_t kThreadPointer = 4;
constexpr std::uint64_t kStackAlignment = 16;
/// Where user addresses end in the widest mode.
constexpr std::uint64_t kUserEnd = std::uint64_t{1} << 56;
/// How far below its stack a function's first store may put the stack pointer.
constexpr std::uint64_t kOverflowReach = std::uint64_t{64} << 10;

/// Whether one of the machine's stacks has `address` between its ends, moved outwards by `margin`.
bool in_some_stack(std::uint64_t address, std::uint64_t margin) noexcept {
  const handoff::BootInfo* const info = kernel::state().boot_info;
  if (info == nullptr) return false;
  for (const handoff::HartInfo& hart : info->harts()) {
    if (address >= hart.stack.start - margin && address < hart.stack.end + margin) return true;
  }
  return false;
}

bool on_emergency_stack(const arch::HartLocal& local, const arch::TrapFrame& frame) noexcept {
  const std::uint64_t address = mem::address_of(&frame).value();
  return address >= local.emergency_low && address < local.emergency_high;
}

std::string_view kind_of_bad_stack(const arch::HartLocal& local, std::uint64_t sp) noexcept {
  const bool below = sp < local.stack_low + sizeof(arch::TrapFrame) &&
                     local.stack_low - sp + sizeof(arch::TrapFrame) < kOverflowReach;
  const bool overflow =
      below && sp % kStackAlignment == 0 && (sp >= local.stack_low || !in_some_stack(sp, 0));
  return overflow ? "stack overflow" : "corrupted stack pointer";
}

bool touches_memory(riscv::TrapCause cause) noexcept {
  using riscv::Exception;
  return cause.page_fault_access().has_value() || cause.is(Exception::kInstructionAccess) ||
         cause.is(Exception::kLoadAccess) || cause.is(Exception::kStoreAccess);
}

std::string_view kind_of_access(riscv::TrapCause cause, std::uint64_t address) noexcept {
  using riscv::Exception;
  if (cause.is(Exception::kInstructionPageFault) || cause.is(Exception::kInstructionAccess)) {
    return "wild jump";
  }
  if (address < mem::kPageSize) return "null pointer";
  if (address < kUserEnd) return "user memory";
  // In the machine's stacks nothing faults: it is one of the pages between them.
  if (in_some_stack(address, mem::kPageSize)) return "stack guard";
  return "kernel fault";
}

}  // namespace

std::string_view kind_of_fault(const arch::TrapFrame& frame) noexcept {
  const arch::HartLocal& local = arch::hart_local();
  const auto bad_stack = static_cast<arch::BadStack>(frame.bad_stack);
  if (bad_stack == arch::BadStack::kDoubleFault) return "double fault";
  if (frame.x[kThreadPointer] != mem::address_of(&local).value()) {
    return "corrupted thread pointer";
  }
  if (bad_stack == arch::BadStack::kPointer) {
    return kind_of_bad_stack(local, frame.x[kStackPointer]);
  }
  if (on_emergency_stack(local, frame)) return "double fault";
  const riscv::TrapCause cause(frame.cause);
  return touches_memory(cause) ? kind_of_access(cause, frame.value) : "kernel fault";
}

}  // namespace quoll::panic
