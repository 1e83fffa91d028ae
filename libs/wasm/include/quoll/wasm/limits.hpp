// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every limit that the engine puts on what it accepts, in one place.
#pragma once

#include <cstdint>

namespace quoll::wasm {

/// Size of a page of linear memory.
inline constexpr std::uint64_t kWasmPageSize = 65536;
/// Most pages that a memory can have: as many as its addresses reach.
inline constexpr std::uint64_t kMaxMemoryPages = 65536;
inline constexpr std::uint64_t kMaxMemory64Pages = std::uint64_t{1} << 48;
/// Most elements that the type of a table with 32-bit indices can ask for.
inline constexpr std::uint64_t kMaxTable32Limit = 0xffffffffu;

/// Largest module, in bytes.
inline constexpr std::uint64_t kMaxModuleBytes = std::uint64_t{1} << 30;
/// Most parameters, and most results, of one function type.
inline constexpr std::uint32_t kMaxParameters = 1000;
inline constexpr std::uint32_t kMaxResults = 1000;
/// Most local variables of one function, parameters included.
inline constexpr std::uint32_t kMaxLocals = 50000;
/// Highest operand stack of one function.
inline constexpr std::uint32_t kMaxOperands = 1u << 20;
/// Deepest nesting of blocks in one function.
inline constexpr std::uint32_t kMaxNesting = 1u << 20;
/// Most bytes of threaded code for one function.
inline constexpr std::uint32_t kMaxCodeBytes = 1u << 30;
/// Most memories of one module, imports included; the embedding interface of the web has the same
/// number.
inline constexpr std::uint32_t kMaxMemories = 100;
/// Most bytes that a memory may grow to unless the configuration says otherwise. Only memories with
/// 64-bit addresses could go beyond.
inline constexpr std::uint64_t kDefaultMaxMemoryBytes = std::uint64_t{1} << 36;
/// Most elements that a table may be created with or grow to.
inline constexpr std::uint32_t kMaxTableElements = 10'000'000;
/// Deepest nesting of host functions that call back into WebAssembly.
inline constexpr std::uint32_t kMaxNestedRuns = 32;

/// Stack of one guest thread unless the configuration says otherwise.
inline constexpr std::uint64_t kDefaultStackBytes = std::uint64_t{1} << 20;
/// Smallest stack that a guest thread can be created with.
inline constexpr std::uint64_t kMinStackBytes = 4096;

}  // namespace quoll::wasm
