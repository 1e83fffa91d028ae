// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which paging mode to use: the widest that the hart accepts, or the one that the command line
// asks for. The device tree is not asked; it names what the firmware thinks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/riscv/sv.hpp>

namespace quoll::loader {

/// What `paging=` in a command line says.
struct PagingRequest {
  /// Nothing for the widest: asked for, or for want of an argument that names a mode.
  std::optional<riscv::PagingMode> mode;
  /// The value that counts, as written: the last that names a mode.
  std::string_view text;
  /// The last such argument that names none, whole.
  std::string_view rejected;
};

/// Reads the `paging=` of a command line.
PagingRequest paging_request(std::string_view line) noexcept;

constexpr std::string_view name_of(riscv::PagingMode mode) noexcept {
  switch (mode) {
    case riscv::PagingMode::kSv39:
      return "sv39";
    case riscv::PagingMode::kSv48:
      return "sv48";
    case riscv::PagingMode::kSv57:
      return "sv57";
    case riscv::PagingMode::kBare:
      break;
  }
  return "bare";
}

/// The widest mode not above `at_most` that this hart accepts. `root` is a cleared frame, and is
/// so again afterwards. Nothing when the hart has no MMU that we know.
std::optional<riscv::PagingMode> widest_mode(std::uint64_t root,
                                             riscv::PagingMode at_most) noexcept;

}  // namespace quoll::loader
