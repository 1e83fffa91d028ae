// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The decision between a task's end and the machine's, and the order of things in either.
#include <algorithm>
#include <atomic>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/riscv/trap_cause.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/lock_rank.hpp>

#include "exception.hpp"
#include "fault.hpp"
#include "report.hpp"

namespace quoll::panic {
namespace {

constexpr std::uint64_t kStackPointer = 2;

/// What a hart that was stopped leaves for the report.
struct StoppedHart {
  std::uint64_t pc = 0;
  const arch::TrapFrame* frame = nullptr;  ///< on its stack, which it does not leave any more
  std::size_t message_size = 0;            ///< above zero: it was about to stop the machine itself
  std::array<char, 120> message{};
};

constinit std::atomic<std::uint32_t> stopping_hart{0};  // plus one; 0: none
constinit std::array<StoppedHart, sync::kMaxHarts> stopped_harts{};
constinit sync::AtomicHartSet stopped;
constinit std::atomic<std::uint64_t> contained_panics{0};
// Held for a whole report of a contained panic, so that two of them do not mix.
constinit std::atomic<bool> reporting_contained{false};

/// How the parts of a report are timed, in microseconds since the start.
struct Timing {
  std::uint64_t begun = microseconds();
  std::uint64_t first_line = 0;
  std::uint64_t backtrace = 0;
};

void print_timing(Sink sink, const Timing& timing) noexcept {
  say(sink, "  first line after {} us, backtrace after {} us\n", timing.first_line - timing.begun,
      timing.backtrace - timing.begun);
}

std::uint64_t ticks_after(std::uint64_t microseconds) noexcept {
  return arch::read_time() + exec::ticks_from_nanoseconds(microseconds * 1000);
}

// Why a panic here cannot end a task only; null: it can.
const char* obstacle(bool interrupts_were_on) noexcept {
  const arch::HartLocal& local = arch::hart_local();
  if (local.panics != 0) return "this hart is reporting a panic";
  if (local.interrupt_depth != 0) return "an interrupt handler runs";
  if (exec::current_task() == nullptr) return "no task runs";
  if (unwinding()) return "a panic is being unwound";
  if (!sync::locks_held().is_empty()) return "a spin lock is held";
  if (!interrupts_were_on) return "interrupts are off";
  return nullptr;
}

sync::HartSet other_harts() noexcept {
  const sync::HartSet all = sync::HartSet::first(arch::Harts::count());
  const unsigned self = arch::hart_local().id;
  return all.contains(self) ? all.without(self) : all;
}

bool all_stopped() noexcept {
  const std::uint64_t others = other_harts().bits();
  return (stopped.load().bits() & others) == others;
}

void wait_for_others(std::uint64_t microseconds) noexcept {
  const std::uint64_t limit = ticks_after(microseconds);
  while (!all_stopped() && arch::read_time() < limit) arch::Interrupts::relax();
}

[[noreturn]] void end_in_a_report(unsigned depth, std::string_view message) noexcept {
  if (depth == 2) {
    tracing::write_unlocked("\npanic while panicking: ");
    tracing::write_unlocked(message);
    tracing::write_unlocked("\n");
  }
  device::power_off(kPanicStatus);
}

[[noreturn]] void leave_to_another_hart(std::string_view message, std::uint64_t pc) noexcept {
  StoppedHart& own = stopped_harts[arch::hart_local().id];
  own.message_size = std::min(message.size(), own.message.size());
  std::copy_n(message.begin(), own.message_size, own.message.begin());
  halt_hart(pc);
}

/// Makes this hart the one that stops the machine, and the others stand still.
void take_over(std::string_view message, std::uint64_t pc) noexcept {
  arch::Interrupts::disable();
  arch::HartLocal& local = arch::hart_local();
  if (++local.panics > 1) end_in_a_report(local.panics, message);
  std::uint32_t expected = 0;
  if (!stopping_hart.compare_exchange_strong(expected, local.id + 1)) {
    leave_to_another_hart(message, pc);
  }
  ipi::post_always(other_harts(), ipi::Reason::kHalt);
  // So that no line of theirs ends in the middle of ours. Who does not come is told of in the end.
  constexpr std::uint64_t kGraceMicroseconds = 100;
  wait_for_others(kGraceMicroseconds);
  // What was written before comes first.
  tracing::print_waiting();
}

void print_other_harts(Sink sink) noexcept {
  constexpr std::uint64_t kPatienceMicroseconds = 10'000;
  wait_for_others(kPatienceMicroseconds);
  const sync::HartSet there = stopped.load();
  other_harts().for_each([sink, there](unsigned hart) {
    const StoppedHart& other = stopped_harts[hart];
    if (!there.contains(hart)) {
      say(sink, "  hart {} did not stop\n", hart);
    } else if (other.message_size != 0) {
      say(sink, "  hart {} panicked too: {}\n", hart,
          std::string_view(other.message.data(), other.message_size));
    } else {
      say(sink, "  hart {} stopped at {:#x}\n", hart, other.pc);
      if (other.frame != nullptr) {
        print_stack_of(sink, hart, backtrace::Registers::of_trap(other.frame->x, other.frame->pc));
      }
    }
  });
}

[[noreturn]] void end_machine(Sink sink, const Timing& timing) noexcept {
  print_timing(sink, timing);
  print_other_harts(sink);
  // What led to it, as far as it fits a screen or two.
  constexpr std::size_t kTraceLines = 64;
  constexpr std::size_t kTraceLinesOfHart = 16;
  tracing::print_last_of_all(std::min(kTraceLinesOfHart, kTraceLines / arch::Harts::count()), sink);
  device::power_off(kPanicStatus);
}

/// The report of a panic that stops the machine.
[[noreturn]] void stop_machine(std::string_view message, const char* why, const char* file,
                               unsigned line, const backtrace::Registers& here) noexcept {
  constexpr Sink kSink = &tracing::write_unlocked;
  Timing timing;
  take_over(message, 0);
  say(kSink, "\nKERNEL PANIC on hart {}: {}\n", arch::hart_local().id, message);
  timing.first_line = microseconds();
  if (file != nullptr) say(kSink, "  at {}:{}\n", file, line);
  if (why != nullptr) say(kSink, "  the machine stops: {}\n", why);
  print_circumstances(kSink);
  print_backtrace(kSink, here);
  timing.backtrace = microseconds();
  print_state_of_hart(kSink, here.stack_pointer());
  end_machine(kSink, timing);
}

/// The report of a panic that ends this hart's task.
void report_contained(std::string_view message, const char* file, unsigned line,
                      const backtrace::Registers& here) noexcept {
  constexpr Sink kSink = &tracing::write_line;
  Timing timing;
  const async::TaskHeader& task = *exec::current_task();
  while (reporting_contained.exchange(true, std::memory_order_acquire)) {
    arch::Interrupts::relax();
  }
  arch::HartLocal& local = arch::hart_local();
  ++local.panics;
  say(kSink, "PANIC on hart {} in task {} ({}): {}\n", local.id, task.id(), task.name(), message);
  timing.first_line = microseconds();
  if (file != nullptr) say(kSink, "  at {}:{}\n", file, line);
  print_circumstances(kSink);
  print_backtrace(kSink, here);
  timing.backtrace = microseconds();
  print_timing(kSink, timing);
  --local.panics;
  contained_panics.fetch_add(1, std::memory_order_relaxed);
  reporting_contained.store(false, std::memory_order_release);
}

}  // namespace

bool in_progress() noexcept {
  return stopping_hart.load(std::memory_order_relaxed) != 0;
}

bool is_reporting() noexcept {
  return stopping_hart.load(std::memory_order_relaxed) == arch::hart_local().id + 1;
}

void halt_hart(const arch::TrapFrame& frame) noexcept {
  stopped_harts[arch::hart_local().id].frame = &frame;
  halt_hart(frame.pc);
}

void halt_hart(std::uint64_t pc) noexcept {
  arch::Interrupts::disable();
  arch::Interrupts::disable_sources(~std::uint64_t{0});
  const unsigned self = arch::hart_local().id;
  stopped_harts[self].pc = pc;
  stopped.add(self);
  for (;;) arch::Interrupts::wait();
}

std::uint64_t contained() noexcept {
  return contained_panics.load(std::memory_order_relaxed);
}

void panic_with(std::string_view message, const char* file, unsigned line) {
  const backtrace::Registers here = backtrace::Registers::here();
  // Until it is decided, so that a hart that another one stops meanwhile still leaves its message.
  const bool interrupts_were_on = arch::Interrupts::save_and_disable();
  if (const char* const why = obstacle(interrupts_were_on); why != nullptr) {
    stop_machine(message, why, file, line, here);
  }
  arch::Interrupts::restore(interrupts_were_on);
  report_contained(message, file, line, here);
  throw_exception();
}

void stop(std::string_view message, const char* file, unsigned line) noexcept {
  arch::Interrupts::disable();
  stop_machine(message, nullptr, file, line, backtrace::Registers::here());
}

void kernel_fault(const arch::TrapFrame& frame) noexcept {
  constexpr Sink kSink = &tracing::write_unlocked;
  Timing timing;
  std::array<char, 160> text;
  const std::size_t size =
      log::format_to(std::span<char>(text), "{}: {} at {:#x}, address {:#x}", kind_of_fault(frame),
                     riscv::TrapCause(frame.cause).name(), frame.pc, frame.value);
  const std::string_view message(text.data(), size);
  take_over(message, frame.pc);
  say(kSink, "\nKERNEL PANIC on hart {}: {}\n", arch::hart_local().id, message);
  timing.first_line = microseconds();
  print_circumstances(kSink);
  print_registers(kSink, frame);
  print_backtrace(kSink, backtrace::Registers::of_trap(frame.x, frame.pc));
  timing.backtrace = microseconds();
  print_state_of_hart(kSink, frame.x[kStackPointer]);
  end_machine(kSink, timing);
}

}  // namespace quoll::panic
