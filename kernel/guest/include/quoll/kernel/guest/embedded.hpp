// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where the frames of what is embedded in the kernel are.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <quoll/handoff/boot_info.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/phys_map.hpp>

namespace quoll::guest {

/// Where constants of the kernel lie in physical memory: they run in place, in the kernel's own
/// ELF file. Nothing when `bytes` are not a constant of the kernel.
std::optional<mem::PhysicalAddress> physical_of_constant(const handoff::BootInfo& info,
                                                         const mem::PhysMap& map,
                                                         std::span<const std::byte> bytes) noexcept;

}  // namespace quoll::guest
