// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Who called: the walk over this hart's own stacks, with names as far as the image has them.
#include <array>
#include <optional>
#include <span>

#include <quoll/arch/hart_local.hpp>
#include <quoll/backtrace/print.hpp>
#include <quoll/backtrace/symbols.hpp>
#include <quoll/backtrace/walker.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/kernel/panic/backtrace.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/mem/address.hpp>

#include "awaiting.hpp"
#include "report.hpp"

namespace quoll::panic {
namespace {

// NOLINTBEGIN(readability-identifier-naming): the link script's names
extern "C" {
extern const std::byte __eh_frame_start[];
extern const std::byte __eh_frame_end[];
extern const std::byte __eh_frame_hdr_start[];
extern const std::byte __eh_frame_hdr_end[];
}
// NOLINTEND(readability-identifier-naming)

backtrace::StackRange between(const std::byte* low, const std::byte* high) noexcept {
  return {mem::address_of(low).value(), mem::address_of(high).value()};
}

backtrace::Style style() noexcept {
  switch (kernel::state().arguments.backtrace) {
    case bootargs::Backtrace::kOff:
      return backtrace::Style::kOff;
    case bootargs::Backtrace::kShort:
      return backtrace::Style::kShort;
    case bootargs::Backtrace::kFull:
      return backtrace::Style::kFull;
  }
  return backtrace::Style::kShort;
}

/// The names that the image carries; nothing without them, or if they are damaged.
std::optional<backtrace::Symbols> symbols() noexcept {
  const handoff::BootInfo* const info = kernel::state().boot_info;
  if (info == nullptr) return std::nullopt;
  const auto& table = info->kernel_symbols;
  const mem::VirtualAddress start(info->physmap.to_virtual(table.start));
  const auto* const bytes = static_cast<const std::byte*>(mem::to_pointer(start));
  const auto opened = backtrace::Symbols::open({bytes, table.size()});
  if (!opened) return std::nullopt;
  return *opened;
}

// What the loader mapped; nothing before it has said so.
std::optional<backtrace::StackRange> mapped_stack(unsigned hart) noexcept {
  const handoff::BootInfo* const info = kernel::state().boot_info;
  if (info == nullptr || hart >= info->harts().size()) return std::nullopt;
  const handoff::VirtualExtent mapped = info->harts()[hart].stack;
  return backtrace::StackRange{mapped.start, mapped.end};
}

// The hart's own record is not asked where there is another way: it may be what was destroyed.
std::array<backtrace::StackRange, 2> own_stacks() noexcept {
  const arch::HartLocal& local = arch::hart_local();
  return {
      {mapped_stack(local.id).value_or(backtrace::StackRange{local.stack_low, local.stack_high}),
       {local.emergency_low, local.emergency_high}}};
}

void print_frames(Sink sink, backtrace::Style wanted, const backtrace::Registers& start,
                  std::span<const backtrace::StackRange> stacks,
                  const backtrace::Symbols* names) noexcept {
  const backtrace::UnwindTables tables{between(__eh_frame_start, __eh_frame_end),
                                       between(__eh_frame_hdr_start, __eh_frame_hdr_end)};
  backtrace::Walker walker(start, stacks, tables);
  unsigned number = 0;
  while (const auto frame = walker.next()) {
    backtrace::print_frame(sink, wanted, number++, frame->pc,
                           frame->position() - tracing::kernel_bias(), names);
  }
  if (const std::string_view why = backtrace::to_string(walker.end()); !why.empty()) {
    say(sink, "    ({})\n", why);
  }
}

}  // namespace

void print_backtrace(Sink sink, const backtrace::Registers& start) noexcept {
  const backtrace::Style wanted = style();
  if (wanted == backtrace::Style::kOff) return;
  say(sink, "  backtrace (tools/symbolize; the kernel's bias is {:#x}):\n", tracing::kernel_bias());
  const auto names = symbols();
  const backtrace::Symbols* const known = names ? &*names : nullptr;
  print_frames(sink, wanted, start, own_stacks(), known);
  print_awaiting(sink, wanted, known);
}

void print_stack_of(Sink sink, unsigned hart, const backtrace::Registers& start) noexcept {
  const backtrace::Style wanted = style();
  const auto stack = mapped_stack(hart);
  if (wanted == backtrace::Style::kOff || !stack) return;
  const auto names = symbols();
  print_frames(sink, wanted, start, {&*stack, 1}, names ? &*names : nullptr);
}

void print_interrupted(TextSink sink, const arch::TrapFrame& frame) noexcept {
  print_backtrace(sink, backtrace::Registers::of_trap(frame.x, frame.pc));
}

void print_place(TextSink sink, std::uint64_t pc) noexcept {
  const auto names = symbols();
  backtrace::print_frame(sink, backtrace::Style::kFull, 0, pc, pc - tracing::kernel_bias(),
                         names ? &*names : nullptr);
}

std::string_view function_at(std::uint64_t pc) noexcept {
  const auto names = symbols();
  const auto location = names ? names->find(pc - tracing::kernel_bias()) : std::nullopt;
  return location && location->count != 0 ? location->all().back().function : std::string_view();
}

}  // namespace quoll::panic
