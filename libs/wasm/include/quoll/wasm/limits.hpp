// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every limit that the engine puts on what it accepts, in one place.
#pragma once

#include <cstdint>

namespace quoll::wasm {

/// Size of a page of linear memory.
inline constexpr std::uint64_t kWasmPageSize = 65536;
/// Most pages that a 32-bit memory can have.
inline constexpr std::uint64_t kMaxMemoryPages = 65536;

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
/// Most elements that a table may be created with or grow to.
inline constexpr std::uint32_t kMaxTableElements = 10'000'000;
/// Deepest nesting of host functions that call back into WebAssembly.
inline constexpr std::uint32_t kMaxNestedRuns = 32;

/// Stack of one guest thread unless the configuration says otherwise.
inline constexpr std::uint64_t kDefaultStackBytes = std::uint64_t{1} << 20;
/// Smallest stack that a guest thread can be created with.
inline constexpr std::uint64_t kMinStackBytes = 4096;

}  // namespace quoll::wasm
