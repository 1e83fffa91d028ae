// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/read_opcode.hpp"

namespace quoll::wasm {

bool read_prefixed_opcode(Reader& reader, std::uint8_t prefix, std::uint64_t at, Opcode& out) {
  std::span<const std::uint16_t> page;
  if (prefix == kPrefixMisc) page = kMiscOpcodes;
  if (prefix == kPrefixVector) page = kVectorOpcodes;
  if (page.empty()) return reader.fail(Rule::kIllegalOpcode, at);
  std::uint32_t number;
  if (!reader.read_u32(number)) return false;
  if (number >= page.size() || page[number] == kNoOpcode) {
    return reader.fail(Rule::kIllegalOpcode, at);
  }
  out = static_cast<Opcode>(page[number]);
  return true;
}

}  // namespace quoll::wasm
