// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Calls into the firmware.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/riscv/sbi.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch::sbi {

/// The value of a call, or the firmware's error.
using Outcome = base::Result<std::uint64_t, riscv::sbi::Error>;

bool has_extension(riscv::sbi::Extension extension) noexcept;
Outcome set_timer(std::uint64_t deadline) noexcept;
/// Interrupts harts, by logical id.
Outcome send_ipi(sync::HartSet harts) noexcept;
/// As above, one hart, by the firmware's id, and not recorded; whether the firmware did so.
inline bool send_ipi_to(std::uint64_t hardware_id) noexcept {
  register std::uint64_t a0 asm("a0") = 1;
  register std::uint64_t a1 asm("a1") = hardware_id;
  register auto a6 asm("a6") = static_cast<std::uint64_t>(riscv::sbi::IpiFunction::kSend);
  register auto a7 asm("a7") = static_cast<std::uint64_t>(riscv::sbi::Extension::kIpi);
  // What the hart is to find comes before the firmware's store to its interrupt register.
  // SAFETY: the firmware keeps all registers but a0 and a1.
  asm volatile("fence w, ow\n\tecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
  return a0 == static_cast<std::uint64_t>(riscv::sbi::Error::kSuccess);
}
Outcome remote_fence_code(sync::HartSet harts) noexcept;
Outcome remote_fence(sync::HartSet harts, std::uint64_t start, std::uint64_t size) noexcept;
/// The same for the translations of one ASID, global ones left aside.
Outcome remote_fence(sync::HartSet harts, std::uint64_t start, std::uint64_t size,
                     std::uint16_t asid) noexcept;
/// Stops the machine; returns only when the firmware cannot.
void system_reset(riscv::sbi::ResetType type, riscv::sbi::ResetReason reason) noexcept;
/// One byte to the firmware's console.
void console_put(char c) noexcept;

}  // namespace quoll::arch::sbi
