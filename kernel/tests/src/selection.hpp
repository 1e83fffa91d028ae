// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which tests run, and in which order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quoll::tests {

/// How well a filter knows a name.
enum class Match : std::uint8_t {
  kNone,
  kPattern,  ///< by `*` or its suite
  kInFull,   ///< by name
};

/// Asks a filter such as `Exec.*,Heap-*.Slow*,Exec.Storm` about `Suite.Name`. Patterns are
/// separated by commas or colons; `*` stands for any run of characters, `?` for one; a suite's name
/// alone stands for all of it. Those behind a `-`, at the beginning or in the middle, take names
/// out again; without others, from all.
Match match(std::string_view filter, std::string_view name) noexcept;

/// Puts `order` into an order that depends on the seed and its length only.
void shuffle(std::span<const struct Test*> order, std::uint64_t seed) noexcept;

}  // namespace quoll::tests
