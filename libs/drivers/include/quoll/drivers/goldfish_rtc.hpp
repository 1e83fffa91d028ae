// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The Goldfish real-time clock (`google,goldfish-rtc`): nanoseconds since 1970.
#pragma once

#include <cstdint>

#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers {

/// Reading the low half latches the high one.
template <Mmio M>
std::uint64_t read_goldfish_rtc(M window) noexcept {
  const std::uint64_t low = window.read32(0x00);
  return (std::uint64_t{window.read32(0x04)} << 32) | low;
}

}  // namespace quoll::drivers
