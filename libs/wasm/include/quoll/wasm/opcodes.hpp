// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Opcodes: what the table in opcodes.inc says, as types and look-ups.
#pragma once

#include <array>
#include <cstdint>

#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

/// What follows an opcode in the binary format.
enum class Immediates : std::uint8_t {
  kNone,
  kBlockType,
  kLabel,
  kLabelTable,
  kFunction,
  kTypeTable,
  kValueTypes,
  kLocal,
  kGlobal,
  kTable,
  kMemArg,
  kMemory,
  kI32,
  kI64,
  kF32,
  kF64,
  kRefType,
  kDataMemory,
  kData,
  kMemoryMemory,
  kElementTable,
  kElement,
  kTableTable,
};

/// Instructions that are translated alike.
enum class Family : std::uint8_t {
  kSpecial,
  kIntLoad,
  kIntStore,
  kFloatLoad,
  kFloatStore,
  kIntTest,
  kIntCompare,
  kFloatCompare,
  kIntUnary,
  kIntBinary,
  kFloatUnary,
  kFloatBinary,
  kIntToFloat,
  kFloatToInt,
  kFloatToFloat,
  kSelect,
  kGlobalGet,
};

/// Operations inside a family. Names repeat between families where they mean the same.
// clang-format off
enum class Operation : std::uint8_t {
  kNone,
  // loads and stores
  kLoad32, kLoad64, kLoad8S, kLoad8U, kLoad16S, kLoad16U, kLoad32U,
  kStore32, kStore64, kStore8, kStore16, kF32, kF64,
  // comparisons; each integer one lies beside its inverse
  kEqz, kEq, kNe, kLtS, kGeS, kLtU, kGeU, kGtS, kLeS, kGtU, kLeU,
  kLt, kGt, kLe, kGe,
  // integers
  kClz, kCtz, kPopcnt, kExtend8S, kExtend16S, kExtend32S, kWrap, kExtendS, kExtendU,
  kAdd, kSub, kMul, kDivS, kDivU, kRemS, kRemU, kAnd, kOr, kXor, kShl, kShrS, kShrU, kRotl, kRotr,
  // floating point
  kAbs, kNeg, kCeil, kFloor, kTrunc, kNearest, kSqrt, kDiv, kMin, kMax, kCopysign,
  // conversions
  kTruncI32S, kTruncI32U, kTruncI64S, kTruncI64U, kSatI32S, kSatI32U, kSatI64S, kSatI64U,
  kConvertI32S, kConvertI32U, kConvertI64S, kConvertI64U, kDemote, kPromote, kReinterpret,
};
// clang-format on

/// Every instruction that the engine knows.
enum class Opcode : std::uint8_t {
#define X(id, code, text, immediates, signature, family, operation) k##id,
#include <quoll/wasm/opcodes.inc>
#undef X
};

/// Marks a code that no instruction has.
inline constexpr std::uint8_t kNoOpcode = 0xff;
/// The byte before the second page of opcodes.
inline constexpr std::uint8_t kPrefixMisc = 0xfc;
/// The byte before vector instructions.
inline constexpr std::uint8_t kPrefixVector = 0xfd;

/// One row of the table.
struct OpcodeInfo {
  std::uint16_t code = 0;
  const char* text = nullptr;
  Immediates immediates = Immediates::kNone;
  Family family = Family::kSpecial;
  Operation operation = Operation::kNone;
  /// Operand and result types; `has_signature` is false where they are not fixed.
  bool has_signature = false;
  std::uint8_t operand_count = 0;
  std::uint8_t result_count = 0;
  ValueType operands[3] = {};
  ValueType result = ValueType::kI32;
};

namespace detail {

constexpr ValueType signature_type(char c) {
  switch (c) {
    case 'I':
      return ValueType::kI64;
    case 'f':
      return ValueType::kF32;
    case 'F':
      return ValueType::kF64;
    default:
      return ValueType::kI32;
  }
}

constexpr OpcodeInfo make_info(std::uint16_t code, const char* text, Immediates immediates,
                               const char* signature, Family family, Operation operation) {
  OpcodeInfo info{.code = code,
                  .text = text,
                  .immediates = immediates,
                  .family = family,
                  .operation = operation};
  if (signature[0] == '*') return info;
  info.has_signature = true;
  for (; *signature != ':'; ++signature) {
    info.operands[info.operand_count++] = signature_type(*signature);
  }
  if (*++signature != '\0') {
    info.result = signature_type(*signature);
    info.result_count = 1;
  }
  return info;
}

}  // namespace detail

/// The table, indexed by `Opcode`.
inline constexpr std::array kOpcodes = {
#define X(id, code, text, immediates, signature, family, operation)                      \
  detail::make_info(code, text, Immediates::k##immediates, signature, Family::k##family, \
                    Operation::k##operation),
#include <quoll/wasm/opcodes.inc>
#undef X
};
static_assert(kOpcodes.size() < kNoOpcode);

namespace detail {

constexpr std::array<std::uint8_t, 256> index_page(std::uint16_t page) {
  std::array<std::uint8_t, 256> index{};
  index.fill(kNoOpcode);
  for (std::size_t i = 0; i < kOpcodes.size(); ++i) {
    if ((kOpcodes[i].code & 0xff00u) != page) continue;
    index[kOpcodes[i].code & 0xffu] = static_cast<std::uint8_t>(i);
  }
  return index;
}

}  // namespace detail

/// From a byte, or from the number behind `kPrefixMisc`, to `Opcode` or `kNoOpcode`.
inline constexpr auto kPlainOpcodes = detail::index_page(0);
inline constexpr auto kMiscOpcodes = detail::index_page(0xfc00);

constexpr const OpcodeInfo& info(Opcode opcode) {
  return kOpcodes[static_cast<std::uint8_t>(opcode)];
}

}  // namespace quoll::wasm
