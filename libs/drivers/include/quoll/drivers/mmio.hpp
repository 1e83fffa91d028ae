// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// How drivers reach registers and memory that a device shares with them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace quoll::drivers {

/// A window of device registers. Accesses happen once each, in order, and a write comes after all
/// earlier stores to memory.
template <typename M>
concept Mmio = std::copyable<M> &&
               requires(M window, std::size_t offset, std::uint8_t byte, std::uint32_t word) {
                 { window.read8(offset) } -> std::same_as<std::uint8_t>;
                 { window.write8(offset, byte) };
                 { window.read32(offset) } -> std::same_as<std::uint32_t>;
                 { window.write32(offset, word) };
               };

/// Memory in one piece that both sides can reach.
struct DmaRegion {
  std::byte* bytes = nullptr;
  /// Where the device finds it.
  std::uint64_t bus_address = 0;
  std::size_t size = 0;
};

}  // namespace quoll::drivers
