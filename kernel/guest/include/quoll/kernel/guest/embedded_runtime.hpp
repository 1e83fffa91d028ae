// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The guest runtime's ELF files, as they are linked into the kernel's constants.
#pragma once

#include <cstddef>
#include <span>

namespace quoll::guest {

/// The runtime for harts with or without the bit manipulation extensions Zba and Zbb.
std::span<const std::byte> embedded_runtime(bool bit_manipulation) noexcept;

}  // namespace quoll::guest
