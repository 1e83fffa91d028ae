// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frames, heap and tasks before a test, and whether they are so again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quoll::tests {

/// What is in use, without what the allocators keep for themselves.
struct Balance {
  std::uint64_t frames = 0;
  std::uint64_t heap_bytes = 0;
  std::uint64_t heap_objects = 0;
  std::size_t tasks = 0;

  static Balance now() noexcept;
  bool operator==(const Balance&) const = default;
};

}  // namespace quoll::tests
