// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The start block: what a guest finds at a0 when it starts, laid out in one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/abi/types.hpp>

namespace quoll::guest {

/// A preopened directory as the start block names it.
struct PreopenName {
  abi::Handle handle = abi::kNoHandle;
  std::string_view name;
};

/// The parts of a start block that vary in length.
struct StartStrings {
  std::string_view module_name;
  std::span<const std::string_view> arguments;
  std::span<const std::string_view> environment;
  std::span<const PreopenName> preopens;
};

/// How many bytes the block takes, or nothing when that is above `abi::kMaxStartBlock`.
std::optional<std::size_t> start_block_size(const StartStrings& strings) noexcept;

/// Writes the block: the fixed part as given in `fixed`, with all that describes the strings
/// filled in, and the strings behind it.
/// *Requires*: `out` has exactly `start_block_size(strings)` bytes, aligned for a StartBlock.
void write_start_block(std::span<std::byte> out, const abi::StartBlock& fixed,
                       const StartStrings& strings) noexcept;

}  // namespace quoll::guest
