// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "report.hpp"

#include <quoll/arch/clock.hpp>
#include <quoll/arch/csr_access.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/lock_rank.hpp>

#include "exception.hpp"

namespace quoll::panic {
namespace {

constexpr std::array<std::string_view, 32> kRegisterNames = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
constexpr std::size_t kRegistersPerLine = 3;

// It began as zeros, and whoever stands on it stops the machine.
std::uint64_t emergency_stack_used(const arch::HartLocal& local) noexcept {
  std::uint64_t low = local.emergency_low;
  // SAFETY: the hart's own memory, from its first word on.
  while (low < local.emergency_high && *reinterpret_cast<const std::uint64_t*>(low) == 0) {
    low += sizeof(std::uint64_t);
  }
  return local.emergency_high - low;
}

}  // namespace

std::uint64_t microseconds() noexcept {
  const handoff::BootInfo* const info = kernel::state().boot_info;
  if (info == nullptr || info->timebase_frequency == 0) return 0;
  return (arch::read_time() - info->timestamps[0].time) * 1'000'000 / info->timebase_frequency;
}

namespace {

void print_locks(Sink sink) noexcept {
  const sync::LockSet held = sync::locks_held();
  if (held.is_empty()) return;
  say(sink, "  locks held:");
  held.for_each([sink](sync::LockRank rank) { say(sink, " {};", sync::to_string(rank)); });
  say(sink, "\n");
}

}  // namespace

void print_circumstances(Sink sink) noexcept {
  const arch::HartLocal& local = arch::hart_local();
  const std::uint64_t now = microseconds();
  say(sink, "  hart {}, {}.{:06} s after the start", local.id, now / 1'000'000, now % 1'000'000);
  if (const async::TaskHeader* const task = exec::current_task(); task != nullptr) {
    say(sink, ", task {} ({})\n", task->id(), task->name());
  } else {
    say(sink, ", no task\n");
  }
  if (local.interrupt_depth != 0) say(sink, "  in an interrupt handler\n");
  if (unwinding()) say(sink, "  while a contained panic runs destructors\n");
  print_locks(sink);
}

void print_registers(Sink sink, const arch::TrapFrame& frame) noexcept {
  for (std::size_t i = 1; i < frame.x.size(); ++i) {
    say(sink, "  {:4} {:#018x}", kRegisterNames[i], frame.x[i]);
    if (i % kRegistersPerLine == 0 || i + 1 == frame.x.size()) say(sink, "\n");
  }
  say(sink, "  pc   {:#018x}  sstatus {:#x}  scause {:#x}  stval {:#x}\n", frame.pc, frame.sstatus,
      frame.cause, frame.value);
}

void print_state_of_hart(Sink sink, std::uint64_t stack_pointer) noexcept {
  using arch::read_csr;
  using riscv::Csr;
  const arch::HartLocal& local = arch::hart_local();
  say(sink, "  satp {:#x}  sie {:#x}  sip {:#x}  stvec {:#x}\n", read_csr<Csr::kSatp>(),
      read_csr<Csr::kSie>(), read_csr<Csr::kSip>(), read_csr<Csr::kStvec>());
  say(sink, "  sp {:#x}, stack {:#x} to {:#x}, emergency stack {:#x} to {:#x}\n", stack_pointer,
      local.stack_low, local.stack_high, local.emergency_low, local.emergency_high);
  if (const std::uint64_t used = emergency_stack_used(local); used != 0) {
    say(sink, "  {} bytes of the emergency stack were used\n", used);
  }
}

}  // namespace quoll::panic
