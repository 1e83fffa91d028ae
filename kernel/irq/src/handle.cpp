// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a hart does when it is interrupted.
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/irq/strays.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/riscv/csr.hpp>

#include "controller.hpp"
#include "log_target.hpp"
#include "timer.hpp"

namespace quoll::irq {
namespace {

/// Sources that were masked because they belong to nobody. To make a line of each takes thousands
/// of instructions, so that is not the handler's.
constinit std::array<std::atomic<std::uint32_t>, 32> strays{};
constinit std::atomic<bool> has_strays{false};

void note_stray(std::uint32_t source) noexcept {
  strays[source / 32 % strays.size()].fetch_or(std::uint32_t{1} << source % 32,
                                               std::memory_order_relaxed);
  has_strays.store(true, std::memory_order_release);
}

void handle_external() noexcept {
  MachineRouter* const controller = router();
  if (controller == nullptr) return;
  controller->serve(
      arch::Harts::id(),
      [](std::uint32_t source) noexcept { trace::record<trace::Event::kDevice>(source); },
      [](std::uint32_t source) noexcept { note_stray(source); });
}

/// Counts the interrupt; what it returns is to be given to `leave`.
[[gnu::always_inline]] inline std::uint64_t enter(arch::HartLocal& local) noexcept {
  ++local.interrupts;
  local.attention = true;
  return trace::begin(trace::Group::kIrq);
}
[[gnu::always_inline]] inline void leave(arch::HartLocal& local, std::uint64_t begun,
                                         riscv::Interrupt cause) noexcept {
  --local.interrupt_depth;
  trace::record_since<trace::Event::kInterrupt>(begun, static_cast<std::uint64_t>(cause));
}

/// Another hart wants more than that this one comes, or nobody can be found who sent for it.
[[gnu::noinline, gnu::cold]] void serve_more(ipi::Reasons reasons, const arch::TrapFrame* frame,
                                             std::uint64_t begun) noexcept {
  arch::HartLocal& local = arch::hart_local();
  ++local.interrupt_depth;
  ipi::count_more(reasons);
  // A machine that stops may have anything in its mailboxes.
  if (reasons.has(ipi::Reason::kHalt) || panic::in_progress()) {
    if (frame != nullptr) panic::halt_hart(*frame);
    // A hart that slept is still where it did; of one in user mode nothing is known here.
    panic::halt_hart(local.parked ? std::bit_cast<std::uint64_t>(&irq::handle_pending) : 0);
  }
  if (reasons.has(ipi::Reason::kRenewWatch)) watchdog::renew();
  if (reasons.has(ipi::Reason::kTellWhere)) watchdog::answer(frame);
  leave(local, begun, riscv::Interrupt::kSoftware);
}

/// Most of what comes from other harts wants nothing but that this one comes: few instructions, in
/// a function that keeps no register for the others and calls nobody.
[[gnu::always_inline]] inline void handle_software(const arch::TrapFrame* frame) noexcept {
  arch::HartLocal& local = arch::hart_local();
  const std::uint64_t begun = enter(local);
  const ipi::Reasons reasons = ipi::take();
  if (reasons != ipi::kJustWoken) [[unlikely]]
    return serve_more(reasons, frame, begun);
  trace::record_since<trace::Event::kInterrupt>(
      begun, static_cast<std::uint64_t>(riscv::Interrupt::kSoftware));
}

[[gnu::noinline]] void handle_others(riscv::TrapCause cause,
                                     const arch::TrapFrame* frame) noexcept {
  arch::HartLocal& local = arch::hart_local();
  const std::uint64_t begun = enter(local);
  ++local.interrupt_depth;
  OwnCounts& own = own_counts[arch::Harts::id()];
  if (cause.is(riscv::Interrupt::kExternal)) {
    OwnCounts::count(own.devices);
    handle_external();
    leave(local, begun, riscv::Interrupt::kExternal);
  } else if (cause.is(riscv::Interrupt::kTimer)) {
    OwnCounts::count(own.timer);
    handle_timer(local, frame);
    leave(local, begun, riscv::Interrupt::kTimer);
  } else {
    panic::panic("unhandled interrupt {}", cause.code());
  }
}

}  // namespace

bool tell_of_strays() noexcept {
  if (!has_strays.load(std::memory_order_relaxed)) [[likely]]
    return false;
  has_strays.exchange(false, std::memory_order_acquire);
  for (std::uint32_t i = 0; i < strays.size(); ++i) {
    for (std::uint32_t word = strays[i].exchange(0, std::memory_order_relaxed); word != 0;
         word &= word - 1) {
      log::warn(kTarget, "interrupt {} belongs to nobody; masked",
                32 * i + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
  }
  return true;
}

void handle(riscv::TrapCause cause, const arch::TrapFrame* frame) noexcept {
  if (cause.is(riscv::Interrupt::kSoftware)) {
    handle_software(frame);
  } else {
    handle_others(cause, frame);
  }
}

namespace {

[[gnu::noinline]] void handle_several(std::uint64_t pending) noexcept {
  if ((pending & riscv::interrupt_bit::kSoftware) != 0) handle_software(nullptr);
  if ((pending & riscv::interrupt_bit::kTimer) != 0) {
    handle_others(riscv::TrapCause(riscv::Interrupt::kTimer), nullptr);
  }
  if ((pending & riscv::interrupt_bit::kExternal) != 0) {
    handle_others(riscv::TrapCause(riscv::Interrupt::kExternal), nullptr);
  }
}

}  // namespace

void handle_pending() noexcept {
  const std::uint64_t pending = arch::Interrupts::pending();
  if (pending != riscv::interrupt_bit::kSoftware) return handle_several(pending);
  // A hart that another one has woken, and nothing more: the commonest wake of all. That it came is
  // told by its sleep's end and the sender's record.
  const ipi::Reasons reasons = ipi::take();
  if (reasons != ipi::kJustWoken) [[unlikely]]
    serve_more(reasons, nullptr, 0);
}

}  // namespace quoll::irq
