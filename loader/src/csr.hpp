// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The few control registers that the loader reads and writes, and its fences.
#pragma once

#include <cstdint>

namespace quoll::loader {

inline std::uint64_t read_time() noexcept {
  std::uint64_t value;
  // SAFETY: reads a counter.
  asm volatile("rdtime %0" : "=r"(value));
  return value;
}

/// *Requires*: S-mode may read it; the entry code has found out.
inline std::uint64_t read_instret() noexcept {
  std::uint64_t value;
  // SAFETY: reads a counter.
  asm volatile("rdinstret %0" : "=r"(value));
  return value;
}

}  // namespace quoll::loader
