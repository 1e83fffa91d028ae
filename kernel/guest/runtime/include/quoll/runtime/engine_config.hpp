// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The engine as every guest has it.
#pragma once

#include <cstdint>

#include <quoll/abi/types.hpp>
#include <quoll/runtime/memories.hpp>
#include <quoll/wasm/engine.hpp>

namespace quoll::runtime {

/// Frames of WebAssembly functions. Pages that are never reached cost nothing but the charge.
inline constexpr std::uint64_t kStackBytes = std::uint64_t{4} << 20;

/// `memories` outlives the engine.
[[gnu::always_inline]] inline wasm::EngineConfig engine_config(Memories& memories,
                                                               const abi::StartBlock& start) {
  // No memory can grow past what the guest may have: addresses for more would be wasted.
  return {.memory = memories.provider(),
          .stack_bytes = kStackBytes,
          .max_memory_bytes = start.memory_limit};
}

}  // namespace quoll::runtime
