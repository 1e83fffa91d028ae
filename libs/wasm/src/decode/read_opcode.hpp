// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reads the one or more bytes of an opcode.
#pragma once

#include <cstdint>

#include <quoll/wasm/opcodes.hpp>

#include "decode/reader.hpp"

namespace quoll::wasm {

/// Reads an opcode behind a prefix byte at offset `at`.
bool read_prefixed_opcode(Reader& reader, std::uint8_t prefix, std::uint64_t at, Opcode& out);

inline bool read_opcode(Reader& reader, Opcode& out) {
  const std::uint64_t at = reader.offset();
  std::uint8_t byte = 0;
  if (!reader.read_byte(byte)) return false;
  const std::uint16_t index = kPlainOpcodes[byte];
  if (index == kNoOpcode) [[unlikely]]
    return read_prefixed_opcode(reader, byte, at, out);
  out = static_cast<Opcode>(index);
  return true;
}

}  // namespace quoll::wasm
