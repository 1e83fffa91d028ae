// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// MemoryProvider: where linear memories come from. The embedder supplies it.
#pragma once

#include <cstdint>

namespace quoll::wasm {

/// Reserves address space for a linear memory and commits pages of it as the memory grows.
struct MemoryProvider {
  void* context = nullptr;
  /// Reserves `bytes` (a multiple of 64 KiB) of address space, aligned to 16 bytes or more;
  /// null when there is none. The engine then asks for less.
  std::uint8_t* (*reserve)(void* context, std::uint64_t bytes) = nullptr;
  /// Makes `[base + old_bytes, base + new_bytes)` readable, writable and zero. A refusal leaves
  /// the memory as it was.
  bool (*commit)(void* context, std::uint8_t* base, std::uint64_t old_bytes,
                 std::uint64_t new_bytes) = nullptr;
  /// Gives back a whole reservation with all that was committed in it.
  void (*release)(void* context, std::uint8_t* base, std::uint64_t reserved_bytes) = nullptr;
};

/// Memory from the workstation's own virtual memory. *Context*: host builds only.
MemoryProvider host_memory_provider() noexcept;

}  // namespace quoll::wasm
