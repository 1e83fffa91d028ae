// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where a load or a store goes, and whether that lies in the memory.
#pragma once

#include "interpret/handlers.hpp"

namespace quoll::wasm {

/// How an access is kept inside the memory: by a comparison with its size, or by the unmapped
/// pages behind it, where the embedder has address space for 8 GiB per memory.
enum class Bounds : std::uint8_t { kChecked, kGuarded };

inline constexpr Bounds kBounds = Bounds::kChecked;

// An access can fault: on a guard page, or because the machine has no page left. Until it is done,
// `pc` stays at the cell, where whoever looks into the fault finds it.
#define QUOLL_WASM_ACCESS_DONE() asm volatile("" : "+r"(pc) : : "memory")

/// The effective address, which needs 33 bits. A constant address is part of the offset.
template <Operand A>
[[gnu::always_inline]] inline std::uint64_t effective_address(const std::uint8_t* pc,
                                                              const std::uint8_t* fp,
                                                              std::uint64_t acc, std::uint64_t pin0,
                                                              std::uint64_t pin1) {
  const std::uint64_t offset = peek<std::uint32_t>(pc + kFieldImmediate);
  if constexpr (A == Operand::kImmediate) {
    return offset;
  } else {
    return offset + QUOLL_WASM_GET(std::uint32_t, A, kFieldA);
  }
}

template <Bounds B>
[[gnu::always_inline]] inline bool is_outside(std::uint64_t address, std::uint64_t width,
                                              std::uint64_t mem_size) {
  return B == Bounds::kChecked && address + width > mem_size;
}

}  // namespace quoll::wasm
