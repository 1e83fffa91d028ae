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

// What the loader mapped, where that is known: the hart's own record may be what was destroyed.
std::array<backtrace::StackRange, 2> own_stacks() noexcept {
  const arch::HartLocal& local = arch::hart_local();
  backtrace::StackRange stack{local.stack_low, local.stack_high};
  const handoff::BootInfo* const info = kernel::state().boot_info;
  if (info != nullptr && local.id < info->harts().size()) {
    const handoff::VirtualExtent mapped = info->harts()[local.id].stack;
    stack = {mapped.start, mapped.end};
  }
  return {{stack, {local.emergency_low, local.emergency_high}}};
}

}  // namespace

void print_backtrace(Sink sink, const backtrace::Registers& start) noexcept {
  const backtrace::Style wanted = style();
  if (wanted == backtrace::Style::kOff) return;
  const std::array<backtrace::StackRange, 2> stacks = own_stacks();
  const backtrace::UnwindTables tables{between(__eh_frame_start, __eh_frame_end),
                                       between(__eh_frame_hdr_start, __eh_frame_hdr_end)};
  say(sink, "  backtrace (tools/symbolize; the kernel's bias is {:#x}):\n", tracing::kernel_bias());
  backtrace::Walker walker(start, stacks, tables);
  const auto names = symbols();
  unsigned number = 0;
  while (const auto frame = walker.next()) {
    backtrace::print_frame(sink, wanted, number++, frame->pc,
                           frame->position() - tracing::kernel_bias(), names ? &*names : nullptr);
  }
  if (const std::string_view why = backtrace::to_string(walker.end()); !why.empty()) {
    say(sink, "    ({})\n", why);
  }
  print_awaiting(sink, wanted, names ? &*names : nullptr);
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
