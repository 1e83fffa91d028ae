// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores, from the opcode table, for tests that go through all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <quoll/wasm/module.hpp>

#include "module_builder.hpp"

namespace quoll::wasm::test {

/// How many bytes an access touches.
inline unsigned width_of(const OpcodeInfo& op) {
  switch (op.operation) {
    case Operation::kLoad128:
    case Operation::kStore128:
      return 16;
    case Operation::kLoadExtendS:
    case Operation::kLoadExtendU:
      return 8;
    case Operation::kLoadSplat:
    case Operation::kLoadZero:
    case Operation::kLoadLane:
    case Operation::kStoreLane:
      return lane_bytes(op.lanes);
    case Operation::kLoad8S:
    case Operation::kLoad8U:
    case Operation::kStore8:
      return 1;
    case Operation::kLoad16S:
    case Operation::kLoad16U:
    case Operation::kStore16:
      return 2;
    case Operation::kLoad64:
    case Operation::kStore64:
    case Operation::kF64:
      return 8;
    default:
      return 4;
  }
}

/// The opcodes of all accesses.
inline std::vector<std::uint16_t> accesses() {
  std::vector<std::uint16_t> found;
  for (std::size_t i = 0; i < kOpcodes.size(); ++i) {
    const Immediates immediates = kOpcodes[i].immediates;
    if (immediates == Immediates::kMemArg || immediates == Immediates::kMemArgLane) {
      found.push_back(static_cast<std::uint16_t>(i));
    }
  }
  return found;
}

/// What an access takes besides its address.
inline Code access_value(const OpcodeInfo& op) {
  // A load of one lane has a value as well, and is a load.
  return op.operand_count == 1 ? Code() : Code::constant(op.operands[1], 0x01020304);
}

/// What stands behind its offset, and, if it has a result, what takes that.
inline Code after_access(const OpcodeInfo& op) {
  const Code lane = op.immediates == Immediates::kMemArgLane ? Code::raw({1}) : Code();
  return lane + (op.result_count == 1 ? Code(Opcode::kDrop) : Code());
}

/// Where in the module the access of function `f` stands, which is its last instruction but those
/// of `after_access`. No function is imported.
inline std::uint64_t access_offset(const Module& module, std::uint32_t f, const Code& access) {
  const ByteRange body = module.bodies()[f].code;
  return body.offset + body.size - 1 - access.bytes().size();
}

/// The opcode's text, as a name of a test.
inline std::string access_name(const OpcodeInfo& op) {
  std::string name = op.text;
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
}

}  // namespace quoll::wasm::test
