// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// WasmTrap: why a WebAssembly computation was ended, and where.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::wasm {

/// The reason of a trap.
enum class TrapKind : std::uint8_t {
  kUnreachable,
  kIntegerDivideByZero,
  kIntegerOverflow,
  kInvalidConversionToInteger,
  kOutOfBoundsMemoryAccess,
  kOutOfBoundsTableAccess,
  kUndefinedElement,
  kUninitializedElement,
  kIndirectCallTypeMismatch,
  kCallStackExhausted,
  kUnknownImport,
  kOutOfMemory,
  kInterrupted,
  kHostError,
};

/// The reason in words, as the specification's test suite has it.
const char* text(TrapKind kind) noexcept;

/// A trap and the instruction that caused it.
struct WasmTrap {
  static constexpr std::uint32_t kNoFunction = 0xffffffffu;

  TrapKind kind = TrapKind::kUnreachable;
  /// The function's index in its module; `kNoFunction` outside of WebAssembly code.
  std::uint32_t function_index = kNoFunction;
  /// The instruction's offset from the start of the module.
  std::uint64_t byte_offset = 0;
  /// The import that was called, for `kUnknownImport`; views of the module's bytes.
  std::string_view import_module;
  std::string_view import_name;
};

}  // namespace quoll::wasm
