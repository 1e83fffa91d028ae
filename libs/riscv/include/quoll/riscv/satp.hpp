// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The satp register: mode, address-space id, root page table.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll::riscv {

/// The content of satp (privileged specification, "Supervisor Address Translation and
/// Protection Register").
struct Satp {
  PagingMode mode = PagingMode::kBare;
  std::uint16_t asid = 0;
  mem::PhysicalAddress root;

  static constexpr unsigned kModeShift = 60;
  static constexpr unsigned kAsidShift = 44;
  static constexpr std::uint64_t kPpnMask = (std::uint64_t{1} << 44) - 1;

  constexpr std::uint64_t encode() const noexcept {
    return (static_cast<std::uint64_t>(mode) << kModeShift) | (std::uint64_t{asid} << kAsidShift) |
           ((root.value() >> mem::kPageShift) & kPpnMask);
  }
  /// Nothing when the mode is not one that we know.
  static constexpr std::optional<Satp> decode(std::uint64_t value) noexcept {
    const auto mode = static_cast<PagingMode>(value >> kModeShift);
    switch (mode) {
      case PagingMode::kBare:
      case PagingMode::kSv39:
      case PagingMode::kSv48:
      case PagingMode::kSv57:
        return Satp{mode, static_cast<std::uint16_t>(value >> kAsidShift),
                    mem::PhysicalAddress((value & kPpnMask) << mem::kPageShift)};
    }
    return std::nullopt;
  }

  constexpr bool operator==(const Satp&) const = default;
};

}  // namespace quoll::riscv
