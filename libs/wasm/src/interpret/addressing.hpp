// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Addressing: how loads and stores reach a memory, and whether all their bytes lie in it.
#pragma once

#include "interpret/operands.hpp"

namespace quoll::wasm {

/// How an access finds its memory. The first memory of an instance is in registers, and its cell
/// has an offset of 32 bits in the upper half of the second word; an address operand can be a
/// constant, which is then part of the offset. Any other memory, and any larger offset, is in the
/// cell: the memory in the third word, an offset of 64 bits in the fourth.
enum class Addressing : std::uint8_t { kFirst32, kFirst64, kAny32, kAny64 };

template <Addressing G>
inline constexpr bool kIsFirst = G == Addressing::kFirst32 || G == Addressing::kFirst64;

/// How an access is kept inside a 32-bit memory: by a comparison with its size, or by the unmapped
/// pages behind it, where the embedder has address space for 8 GiB per memory. A 64-bit address
/// can be anything: it is always compared.
enum class Bounds : std::uint8_t { kChecked, kGuarded };

inline constexpr Bounds kBounds = Bounds::kChecked;

/// Words of a cell that accesses memory, without what stands behind: an immediate value, or the
/// lane of a vector.
template <Addressing G>
inline constexpr std::uint32_t kAccessWords = kIsFirst<G> ? 2 : 4;

// An access can fault: on a guard page, or because the machine has no page left. Until it is done,
// `pc` stays at the cell, where whoever looks into the fault finds it.
#define QUOLL_WASM_ACCESS_DONE() asm volatile("" : "+r"(pc) : : "memory")

/// Whether the bytes `[base + offset, base + offset + width)` all lie in a memory of so many. None
/// of the sums can overflow unnoticed.
[[gnu::always_inline]] inline bool is_inside(std::uint64_t base, std::uint64_t offset,
                                             std::uint64_t width, std::uint64_t size) {
  if (base > size || offset > size - base) return false;
  return width <= size - base - offset;
}

/// Finds the bytes that an access of `width` bytes touches. False: they do not all lie in the
/// memory.
template <Addressing G, Operand A>
[[gnu::always_inline]] inline bool locate(std::uint64_t width, const std::uint8_t* pc,
                                          const std::uint8_t* fp, std::uint8_t* mem,
                                          std::uint64_t mem_size, std::uint64_t acc,
                                          std::uint64_t pin0, std::uint64_t pin1,
                                          std::uint8_t*& at) {
  if constexpr (G == Addressing::kFirst32) {
    // The effective address needs 33 bits.
    std::uint64_t address = peek<std::uint32_t>(pc + kFieldImmediate);
    if constexpr (A != Operand::kImmediate) address += QUOLL_WASM_GET(std::uint32_t, A, kFieldA);
    if (kBounds == Bounds::kChecked && address + width > mem_size) return false;
    at = mem + address;
  } else if constexpr (G == Addressing::kFirst64) {
    const std::uint64_t offset = peek<std::uint32_t>(pc + kFieldImmediate);
    std::uint64_t base = 0;
    if constexpr (A != Operand::kImmediate) base = QUOLL_WASM_GET(std::uint64_t, A, kFieldA);
    if (base > mem_size || offset + width > mem_size - base) return false;
    at = mem + base + offset;
  } else {
    const auto* memory = peek<const Memory*>(pc + kFieldExtra);
    const auto offset = peek<std::uint64_t>(pc + kFieldExtra + kWordBytes);
    using Index = std::conditional_t<G == Addressing::kAny32, std::uint32_t, std::uint64_t>;
    const std::uint64_t base = QUOLL_WASM_GET(Index, A, kFieldA);
    if (!is_inside(base, offset, width, Machine::size(memory))) return false;
    at = Machine::base(memory) + base + offset;
  }
  return true;
}

/// For handlers: `at`, or a trap.
#define QUOLL_WASM_LOCATE(G, A, width, at)                                             \
  std::uint8_t* at;                                                                    \
  if (!::quoll::wasm::locate<G, A>(width, pc, fp, mem, mem_size, acc, pin0, pin1, at)) \
      [[unlikely]] {                                                                   \
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);                                         \
  }                                                                                    \
  static_assert(true)

}  // namespace quoll::wasm
