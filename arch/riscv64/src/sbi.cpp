// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/arch/sbi.hpp>

namespace quoll::arch::sbi {
namespace {

using riscv::sbi::Error;
using riscv::sbi::Extension;

Outcome call(Extension extension, std::uint64_t function, std::uint64_t argument0 = 0,
             std::uint64_t argument1 = 0, std::uint64_t argument2 = 0, std::uint64_t argument3 = 0,
             std::uint64_t argument4 = 0) noexcept {
  register std::uint64_t a0 asm("a0") = argument0;
  register std::uint64_t a1 asm("a1") = argument1;
  register std::uint64_t a2 asm("a2") = argument2;
  register std::uint64_t a3 asm("a3") = argument3;
  register std::uint64_t a4 asm("a4") = argument4;
  register std::uint64_t a6 asm("a6") = function;
  register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(extension);
  // SAFETY: the firmware keeps all registers but a0 and a1.
  asm volatile("ecall"
               : "+r"(a0), "+r"(a1)
               : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
               : "memory");
  const auto error = static_cast<Error>(static_cast<std::int64_t>(a0));
  if (error != Error::kSuccess) return base::err(error);
  return a1;
}

/// Calls `f(mask, base)` for windows of hardware ids that cover the set.
template <typename F>
Outcome for_each_window(sync::HartSet harts, F f) noexcept {
  while (!harts.is_empty()) {
    std::uint64_t base = ~std::uint64_t{0};
    harts.for_each([&base](unsigned hart) {
      const std::uint64_t id = Harts::hardware_id(hart);
      if (id < base) base = id;
    });
    std::uint64_t mask = 0;
    sync::HartSet rest;
    harts.for_each([&](unsigned hart) {
      const std::uint64_t offset = Harts::hardware_id(hart) - base;
      if (offset < 64) {
        mask |= std::uint64_t{1} << offset;
      } else {
        rest = rest.with(hart);
      }
    });
    const Outcome outcome = f(mask, base);
    if (!outcome) return outcome;
    harts = rest;
  }
  return std::uint64_t{0};
}

}  // namespace

bool has_extension(Extension extension) noexcept {
  const Outcome outcome =
      call(Extension::kBase, static_cast<std::uint64_t>(riscv::sbi::BaseFunction::kProbeExtension),
           static_cast<std::uint64_t>(extension));
  return outcome.has_value() && *outcome != 0;
}

Outcome set_timer(std::uint64_t deadline) noexcept {
  return call(Extension::kTimer, static_cast<std::uint64_t>(riscv::sbi::TimerFunction::kSetTimer),
              deadline);
}

Outcome send_ipi(sync::HartSet harts) noexcept {
  trace::record<trace::Event::kIpi>(harts.bits());
  // What the woken hart is to find comes before the firmware's store to its interrupt register.
  asm volatile("fence w, ow" : : : "memory");
  return for_each_window(harts, [](std::uint64_t mask, std::uint64_t base) {
    return call(Extension::kIpi, static_cast<std::uint64_t>(riscv::sbi::IpiFunction::kSend), mask,
                base);
  });
}

Outcome remote_fence_code(sync::HartSet harts) noexcept {
  return for_each_window(harts, [](std::uint64_t mask, std::uint64_t base) {
    return call(Extension::kRemoteFence,
                static_cast<std::uint64_t>(riscv::sbi::RemoteFenceFunction::kFenceI), mask, base);
  });
}

Outcome remote_fence(sync::HartSet harts, std::uint64_t start, std::uint64_t size) noexcept {
  return for_each_window(harts, [start, size](std::uint64_t mask, std::uint64_t base) {
    return call(Extension::kRemoteFence,
                static_cast<std::uint64_t>(riscv::sbi::RemoteFenceFunction::kSfenceVma), mask, base,
                start, size);
  });
}

Outcome remote_fence(sync::HartSet harts, std::uint64_t start, std::uint64_t size,
                     std::uint16_t asid) noexcept {
  return for_each_window(harts, [start, size, asid](std::uint64_t mask, std::uint64_t base) {
    return call(Extension::kRemoteFence,
                static_cast<std::uint64_t>(riscv::sbi::RemoteFenceFunction::kSfenceVmaAsid), mask,
                base, start, size, asid);
  });
}

void system_reset(riscv::sbi::ResetType type, riscv::sbi::ResetReason reason) noexcept {
  const Outcome outcome = call(
      Extension::kSystemReset, static_cast<std::uint64_t>(riscv::sbi::SystemResetFunction::kReset),
      static_cast<std::uint64_t>(type), static_cast<std::uint64_t>(reason));
  if (!outcome) (void)call(Extension::kLegacyShutdown, 0).has_value();
}

void console_put(char c) noexcept {
  const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(c));
  const Outcome outcome =
      call(Extension::kDebugConsole,
           static_cast<std::uint64_t>(riscv::sbi::DebugConsoleFunction::kWriteByte), byte);
  if (!outcome) (void)call(Extension::kLegacyConsolePutchar, 0, byte).has_value();
}

}  // namespace quoll::arch::sbi
