// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's random bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quoll::random {

/// Seeds the generator and says in the log when the seed is too short. *Context*: boot hart.
void start(std::span<const std::uint8_t> seed) noexcept;

/// Fills with cryptographically secure bytes. *Context*: any but interrupt handlers.
void fill(std::span<std::byte> out) noexcept;

}  // namespace quoll::random
