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
