// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Panic reports go straight to the console, past every lock.
#include <atomic>

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/base/panic.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll::panic {
namespace {

constinit std::atomic<std::uint32_t> panicking_hart{0};  // plus one; 0: none

constexpr unsigned kMaxFrames = 40;
constexpr std::array<std::string_view, 32> kRegisterNames = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

template <typename... A>
void say(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
  std::array<char, 256> text;
  const std::size_t size = log::format_to(std::span<char>(text), format, values...);
  tracing::write_unlocked(std::string_view(text.data(), size));
}

bool readable_stack(std::uint64_t address) noexcept {
  const arch::HartLocal& local = arch::hart_local();
  const auto within = [address](std::uint64_t low, std::uint64_t high) {
    return address >= low + 16 && address <= high;
  };
  return address % 8 == 0 && (within(local.stack_low, local.stack_high) ||
                              within(local.emergency_low, local.emergency_high));
}

/// Return addresses by the chain of frame pointers: the caller's is at fp - 8, its fp at fp - 16.
void print_chain(std::uint64_t frame_pointer) noexcept {
  say("  return addresses (tools/symbolize, or addr2line with kernel.elf less its bias {:#x}):\n",
      tracing::kernel_bias());
  for (unsigned depth = 0; depth < kMaxFrames && readable_stack(frame_pointer); ++depth) {
    // SAFETY: both words lie on this hart's stack, which is mapped.
    const auto* words = reinterpret_cast<const std::uint64_t*>(frame_pointer);
    const std::uint64_t address = words[-1];
    const std::uint64_t next = words[-2];
    say("    {:#018x}\n", address);
    if (next <= frame_pointer) break;
    frame_pointer = next;
  }
}

/// Makes this hart the one that reports. A second panic of the same hart ends the machine at
/// once; one of another hart waits for the end.
void begin() noexcept {
  arch::Interrupts::disable();
  arch::HartLocal& local = arch::hart_local();
  if (++local.panics > 1) {
    if (local.panics == 2) tracing::write_unlocked("panic while panicking\n");
    device::power_off(kPanicStatus);
  }
  std::uint32_t expected = 0;
  if (!panicking_hart.compare_exchange_strong(expected, local.id + 1)) halt_hart();
  sync::HartSet others = sync::HartSet::first(arch::Harts::count());
  if (others.contains(local.id)) others = others.without(local.id);
  (void)arch::sbi::send_ipi(others).has_value();
}

[[noreturn]] void end() noexcept {
  device::power_off(kPanicStatus);
}

}  // namespace

bool in_progress() noexcept {
  return panicking_hart.load(std::memory_order_relaxed) != 0;
}

void halt_hart() noexcept {
  arch::Interrupts::disable();
  arch::Interrupts::disable_sources(~std::uint64_t{0});
  for (;;) arch::Interrupts::wait();
}

void panic_with(std::string_view message, const char* file, unsigned line) noexcept {
  begin();
  say("\nKERNEL PANIC on hart {}: {}\n", arch::hart_local().id, message);
  if (file != nullptr) say("  at {}:{}\n", file, line);
  // SAFETY: the address of this function's own frame.
  print_chain(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  end();
}

void kernel_fault(const arch::TrapFrame& frame) noexcept {
  begin();
  const arch::HartLocal& local = arch::hart_local();
  const riscv::TrapCause cause(frame.cause);
  const bool overflow = frame.bad_stack != 0;
  say("\nKERNEL PANIC on hart {}: {}{} at {:#x}, address {:#x}\n", local.id,
      overflow ? "stack overflow or bad stack pointer: " : "", cause.name(), frame.pc, frame.value);
  for (std::size_t i = 1; i < 32; i += 3) {
    for (std::size_t k = i; k < i + 3 && k < 32; ++k) {
      say("  {:4} {:#018x}", kRegisterNames[k], frame.x[k]);
    }
    say("\n");
  }
  say("  status {:#x}, cause {:#x}\n", frame.sstatus, frame.cause);
  print_chain(frame.x[8]);
  end();
}

}  // namespace quoll::panic

namespace quoll::base {

void assertion_failed(const char* expression, const char* file, unsigned line) {
  panic::panic_with(expression, file, line);
}
void continue_panic() {
  panic::panic_with("a panic that was caught is thrown on", nullptr, 0);
}

}  // namespace quoll::base
