// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Per-hart state, and preparing a hart for the kernel.
#include <array>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/arch/trap_frame.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch {

static_assert(offsetof(HartLocal, saved_t1) == 8 && offsetof(HartLocal, stack_low) == 16 &&
                  offsetof(HartLocal, stack_high) == 24 &&
                  offsetof(HartLocal, emergency_low) == 32 &&
                  offsetof(HartLocal, emergency_high) == 40 &&
                  offsetof(HartLocal, saved_a0) == 48 && offsetof(HartLocal, entering) == 56,
              "known to trap.S");

// The link script puts this section first, so that the object is at tp itself.
extern "C" {
[[gnu::section(".tdata.hart_local"), gnu::used, gnu::retain]]
constinit thread_local HartLocal quoll_hart_local;
void quoll_trap_entry() noexcept;
}

namespace {

struct alignas(16) EmergencyStack {
  std::byte bytes[kEmergencyStackSize];
};
constinit thread_local EmergencyStack emergency_stack{};

constinit unsigned hart_count = 0;
constinit std::array<std::uint64_t, sync::kMaxHarts> hardware_ids{};
constinit TimerKind timer_kind = TimerKind::kSbi;
constinit bool count_instructions = false;

}  // namespace

unsigned Harts::count() noexcept {
  return hart_count;
}

std::uint64_t Harts::hardware_id(unsigned hart) noexcept {
  QUOLL_ASSERT(hart < hart_count);
  return hardware_ids[hart];
}

void Harts::add(unsigned hart, std::uint64_t hardware_id) noexcept {
  QUOLL_ASSERT(hart == hart_count && hart < sync::kMaxHarts);
  hardware_ids[hart] = hardware_id;
  hart_count = hart + 1;
}

void initialise_hart(unsigned id, std::uint64_t stack_low, std::uint64_t stack_high) noexcept {
  HartLocal& local = hart_local();
  QUOLL_ASSERT(&local == &quoll_hart_local);
  local.id = id;
  local.own_offset = id * Harts::kOwnSize;
  local.stack_low = stack_low;
  local.stack_high = stack_high;
  local.emergency_low = mem::address_of(&emergency_stack).value();
  local.emergency_high = local.emergency_low + kEmergencyStackSize;
  // What trap entry finds the hart by; user mode has its context there instead.
  write_csr<riscv::Csr::kSscratch>(~mem::address_of(&local).value());
  write_csr<riscv::Csr::kSie>(0);
  clear_csr_bits<riscv::Csr::kSstatus>(riscv::sstatus::kFsMask | riscv::sstatus::kVsMask |
                                       riscv::sstatus::kSum | riscv::sstatus::kMxr);
  // SAFETY: the address of the entry, which is aligned to four bytes.
  write_csr<riscv::Csr::kStvec>(riscv::encode_stvec(
      reinterpret_cast<std::uintptr_t>(&quoll_trap_entry), riscv::TrapVectorMode::kDirect));
  write_csr<riscv::Csr::kScounteren>(riscv::counter_enable::kTime);
}

void allow_user_counting() noexcept {
  set_csr_bits<riscv::Csr::kScounteren>(riscv::counter_enable::kInstret);
}

void use_instruction_counter(bool readable) noexcept {
  count_instructions = readable;
}

std::uint64_t read_instructions() noexcept {
  return count_instructions ? read_csr<riscv::Csr::kInstret>() : 0;
}

void use_timer(TimerKind kind) noexcept {
  timer_kind = kind;
}

void set_timer(std::uint64_t deadline) noexcept {
  if (timer_kind == TimerKind::kSstc) {
    write_csr<riscv::Csr::kStimecmp>(deadline);
  } else {
    QUOLL_ASSERT(sbi::set_timer(deadline).has_value());
  }
}

}  // namespace quoll::arch
