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

/// Writes `satp`, reads it back and writes zero: what the hart made of it.
///
/// *Requires*: the page table, if `value` names one, maps the running code to itself.
inline std::uint64_t try_satp(std::uint64_t value) noexcept {
  std::uint64_t read_back;
  // SAFETY: between the two writes only registers are used, and the code is mapped to itself.
  asm volatile(
      "sfence.vma\n"
      "csrw satp, %1\n"
      "sfence.vma\n"
      "csrr %0, satp\n"
      "csrw satp, zero\n"
      "sfence.vma\n"
      : "=&r"(read_back)
      : "r"(value)
      : "memory");
  return read_back;
}

}  // namespace quoll::loader
