// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Floating point is switched lazily. A hart keeps the registers of the last thread that used them
// (its owner); a thread that comes back to that hart finds them there, another one starts with the
// unit off and gets its own at the first use.
#include <cstddef>

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/user_entry.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll::arch {

static_assert(offsetof(UserContext, pc) == 256 && offsetof(UserContext, sstatus) == 264 &&
                  offsetof(UserContext, kernel_sp) == 272 &&
                  offsetof(UserContext, kernel_tp) == 280 && offsetof(UserContext, quick) == 288 &&
                  offsetof(UserContext, cause) == 304 && offsetof(UserContext, value) == 312 &&
                  offsetof(FloatState, fcsr) == 256,
              "known to trap.S and float.S");

extern "C" {
struct TrapRegisters {
  std::uint64_t cause;
  std::uint64_t value;
};
// A panic in a quick handler unwinds through it.
TrapRegisters quoll_enter_user(UserContext* context);
void quoll_save_float(FloatState* state) noexcept;
void quoll_load_float(const FloatState* state) noexcept;
}

namespace {

using riscv::UnitState;

bool holds(const HartLocal& local, const UserContext& context) noexcept {
  return local.float_owner == &context && context.fp_hart == local.id + 1;
}

void take_unit(HartLocal& local, UserContext& context) noexcept {
  quoll_load_float(&context.fp);
  // A former owner with changed registers stored them when it suspended.
  local.float_owner = &context;
  local.float_dirty = nullptr;
  context.fp_hart = local.id + 1;
}

UserExit explain(riscv::TrapCause cause, std::uint64_t value) noexcept {
  using riscv::Exception;
  UserExit exit;
  exit.cause = cause.value();
  exit.address = value;
  if (cause.is_interrupt()) {
    exit.kind = UserExitKind::kInterrupt;
    return exit;
  }
  if (const auto access = cause.page_fault_access()) {
    exit.kind = UserExitKind::kPageFault;
    exit.access = *access;
    return exit;
  }
  switch (static_cast<Exception>(cause.code())) {
    case Exception::kUserCall:
      exit.kind = UserExitKind::kSyscall;
      break;
    case Exception::kIllegalInstruction:
      exit.kind = UserExitKind::kIllegalInstruction;
      exit.access = mem::Access::kExecute;
      break;
    case Exception::kInstructionAccess:
      exit.kind = UserExitKind::kAccessFault;
      exit.access = mem::Access::kExecute;
      break;
    case Exception::kLoadAccess:
      exit.kind = UserExitKind::kAccessFault;
      break;
    case Exception::kStoreAccess:
      exit.kind = UserExitKind::kAccessFault;
      exit.access = mem::Access::kWrite;
      break;
    case Exception::kInstructionMisaligned:
      exit.kind = UserExitKind::kMisaligned;
      exit.access = mem::Access::kExecute;
      break;
    case Exception::kLoadMisaligned:
      exit.kind = UserExitKind::kMisaligned;
      break;
    case Exception::kStoreMisaligned:
      exit.kind = UserExitKind::kMisaligned;
      exit.access = mem::Access::kWrite;
      break;
    case Exception::kBreakpoint:
      exit.kind = UserExitKind::kBreakpoint;
      break;
    default:
      break;
  }
  return exit;
}

}  // namespace

UserExit enter_user(UserContext& context) {
  HartLocal& local = hart_local();
  for (;;) {
    UnitState unit = UnitState::kOff;
    if (holds(local, context)) {
      unit = local.float_dirty == &context ? UnitState::kDirty : UnitState::kClean;
    }
    context.sstatus = riscv::with_float_state(riscv::sstatus::kSpie | riscv::sstatus::kUxl64, unit);
    const TrapRegisters trap = quoll_enter_user(&context);
    if (riscv::float_state(context.sstatus) == UnitState::kDirty) {
      local.float_dirty = &context;
    }
    if (trap.cause == kHandledCause) {
      UserExit exit;
      exit.kind = UserExitKind::kHandled;
      return exit;
    }
    const riscv::TrapCause cause(trap.cause);
    if (unit == UnitState::kOff && cause.is(riscv::Exception::kIllegalInstruction)) {
      // Perhaps its first use of floating point here; a truly illegal one comes back.
      take_unit(local, context);
      continue;
    }
    return explain(cause, trap.value);
  }
}

void save_float(UserContext& context) noexcept {
  HartLocal& local = hart_local();
  if (local.float_dirty != &context) return;
  quoll_save_float(&context.fp);
  local.float_dirty = nullptr;
}

void forget_float(UserContext& context) noexcept {
  HartLocal& local = hart_local();
  if (local.float_dirty == &context) local.float_dirty = nullptr;
  context.fp_hart = 0;
}

}  // namespace quoll::arch
