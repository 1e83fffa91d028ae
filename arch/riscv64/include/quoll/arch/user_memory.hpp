// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The one routine that touches user memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/mem/address.hpp>

namespace quoll::arch {

/// Satisfies `UserMemoryAccess`.
struct UserMemory {
  static std::size_t copy_in(void* to, mem::VirtualAddress from, std::size_t size) noexcept;
  static std::size_t copy_out(mem::VirtualAddress to, const void* from, std::size_t size) noexcept;
};

/// Where to go on after a fault at `pc`, if that is in the copy routine.
std::optional<std::uint64_t> fault_fixup(std::uint64_t pc) noexcept;

}  // namespace quoll::arch
