// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every limit that the engine puts on what it accepts, in one place.
#pragma once

#include <cstdint>

namespace quoll::wasm {

/// Size of a page of linear memory: the specification's, as are the next three.
inline constexpr std::uint64_t kWasmPageSize = 65536;
/// Most pages that a memory can have: as many as its addresses reach.
inline constexpr std::uint64_t kMaxMemoryPages = 65536;
inline constexpr std::uint64_t kMaxMemory64Pages = std::uint64_t{1} << 48;
/// Most elements that the type of a table with 32-bit indices can ask for.
inline constexpr std::uint64_t kMaxTable32Limit = 0xffffffffu;

// Where it says "web", all engines for the web have agreed on the number (the WebAssembly
// JavaScript Interface, "Implementation-defined Limits"): what is larger runs nowhere.

/// Largest module, in bytes: web.
inline constexpr std::uint64_t kMaxModuleBytes = std::uint64_t{1} << 30;
/// Most types, functions, imports, exports and globals of one module, what is imported included:
/// web.
inline constexpr std::uint32_t kMaxTypes = 1'000'000;
inline constexpr std::uint32_t kMaxFunctions = 1'000'000;
inline constexpr std::uint32_t kMaxImports = 1'000'000;
inline constexpr std::uint32_t kMaxExports = 1'000'000;
inline constexpr std::uint32_t kMaxGlobals = 1'000'000;
/// Most tables, data segments and element segments: web.
inline constexpr std::uint32_t kMaxTables = 100'000;
inline constexpr std::uint32_t kMaxDataSegments = 100'000;
inline constexpr std::uint32_t kMaxElementSegments = 10'000'000;
/// Most parameters, and most results, of one function type: web.
inline constexpr std::uint32_t kMaxParameters = 1000;
inline constexpr std::uint32_t kMaxResults = 1000;
/// Most local variables of one function, parameters included: web.
inline constexpr std::uint32_t kMaxLocals = 50000;
/// Largest body of one function, in bytes: more than on the web (7,654,321), and so small that its
/// code stays below `kMaxCodeBytes`.
inline constexpr std::uint32_t kMaxFunctionBytes = std::uint32_t{12} << 20;
/// Highest operand stack of one function. With as many locals as there may be, the frame then still
/// fits into a stack of `kDefaultStackBytes`; and what a body of few bytes can push, by calls with
/// many results, takes little memory.
inline constexpr std::uint32_t kMaxOperands = std::uint32_t{1} << 16;
/// Deepest nesting of blocks in one function: each takes some thirty bytes while it is checked, and
/// two of the module.
inline constexpr std::uint32_t kMaxNesting = std::uint32_t{1} << 20;
/// Most bytes of threaded code for one function: distances of branches have 32 bits and a sign.
inline constexpr std::uint32_t kMaxCodeBytes = std::uint32_t{1} << 30;
/// Most bytes of threaded code that one byte of a body stands for, by far frames and float pins.
inline constexpr std::uint32_t kMaxCodePerByte = 80;
static_assert(std::uint64_t{kMaxFunctionBytes} * kMaxCodePerByte <= kMaxCodeBytes);
/// Most memories of one module, imports included: web.
inline constexpr std::uint32_t kMaxMemories = 100;
/// Most bytes that a memory may grow to unless the configuration says otherwise. Only memories with
/// 64-bit addresses could go beyond.
inline constexpr std::uint64_t kDefaultMaxMemoryBytes = std::uint64_t{1} << 36;
/// Most elements that a table may be created with or grow to: web.
inline constexpr std::uint32_t kMaxTableElements = 10'000'000;
/// Deepest nesting of host functions that call back into WebAssembly: each takes some of the native
/// stack, of which an embedder has a few kilobytes for it.
inline constexpr std::uint32_t kMaxNestedRuns = 32;

/// Stack of one guest thread unless the configuration says otherwise. Recursion ends in a trap when
/// it is full: a call takes the frame, eight bytes for each local and operand, and a record of 32.
inline constexpr std::uint64_t kDefaultStackBytes = std::uint64_t{1} << 20;
/// Smallest stack that a guest thread can be created with: a page of the machine's.
inline constexpr std::uint64_t kMinStackBytes = 4096;

}  // namespace quoll::wasm
