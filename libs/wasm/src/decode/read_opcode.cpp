// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/read_opcode.hpp"

namespace quoll::wasm {

bool read_prefixed_opcode(Reader& reader, std::uint8_t prefix, std::uint64_t at, Opcode& out) {
  if (prefix == kPrefixVector) return reader.fail(Rule::kFeatureNotSupported, at);
  if (prefix != kPrefixMisc) return reader.fail(Rule::kIllegalOpcode, at);
  std::uint32_t number;
  if (!reader.read_u32(number)) return false;
  if (number >= kMiscOpcodes.size() || kMiscOpcodes[number] == kNoOpcode) {
    return reader.fail(Rule::kIllegalOpcode, at);
  }
  out = static_cast<Opcode>(kMiscOpcodes[number]);
  return true;
}

}  // namespace quoll::wasm
