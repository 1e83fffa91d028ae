// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The SBI calls that the loader makes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/riscv/sbi.hpp>

namespace quoll::loader::sbi {

using riscv::sbi::Error;
using riscv::sbi::HartState;

struct Answer {
  Error error = Error::kSuccess;
  std::uint64_t value = 0;
};

/// Writes to the firmware's console.
void put(const char* text, std::size_t size) noexcept;

/// The state of a hart; an error when there is no such hart or no HSM extension.
Answer hart_status(std::uint64_t hart_id) noexcept;
/// Starts a stopped hart at a physical address; `opaque` arrives in its `a1`.
Answer hart_start(std::uint64_t hart_id, std::uint64_t address, std::uint64_t opaque) noexcept;
/// Makes a supervisor software interrupt pending at one hart.
Answer send_ipi(std::uint64_t hart_id) noexcept;
/// Asks for a shutdown because of a failure. Returns when the firmware cannot.
void shut_down_after_failure() noexcept;

}  // namespace quoll::loader::sbi
