// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Opcodes: what the tables in opcodes.inc and vector_opcodes.inc say, as types and look-ups.
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
  kV128,
  kLane,
  kLanes16,
  kMemArgLane,
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
  kVectorLoad,
  kVectorLoadLane,
  kVectorStore,
  kVectorStoreLane,
  kVectorConst,
  kVectorSplat,
  kVectorExtract,
  kVectorReplace,
  kVectorShuffle,
  kVectorSwizzle,
  kVectorBitwise,
  kVectorShift,
  kVectorReduce,
  kVectorCompare,
  kVectorArithmetic,
  kVectorConvert,
  kVectorSelect,
  kVectorGlobalGet,
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
  // vectors: memory
  kLoad128, kLoadExtendS, kLoadExtendU, kLoadSplat, kLoadZero, kLoadLane, kStore128, kStoreLane,
  // vectors: bits and whole lanes
  kNot, kAndNot, kBitselect, kAnyTrue, kAllTrue, kBitmask,
  // vectors: arithmetic
  kAddSatS, kAddSatU, kSubSatS, kSubSatU, kMinS, kMinU, kMaxS, kMaxU, kAvgrU, kQ15MulrSatS,
  kPmin, kPmax, kMulAdd, kNegMulAdd,
  // vectors: results with lanes of another width or kind
  kNarrowS, kNarrowU, kExtendLowS, kExtendLowU, kExtendHighS, kExtendHighU,
  kExtmulLowS, kExtmulLowU, kExtmulHighS, kExtmulHighU, kExtaddS, kExtaddU, kDot, kDotAdd,
  kSatZeroS, kSatZeroU,
};
// clang-format on

/// How a vector is divided into lanes.
enum class Lanes : std::uint8_t { kNone, kBits, kI8x16, kI16x8, kI32x4, kI64x2, kF32x4, kF64x2 };

/// Every instruction that the engine knows; those on vectors come last.
enum class Opcode : std::uint16_t {
#define X(id, code, text, immediates, signature, family, operation) k##id,
#define V(id, number, text, immediates, signature, family, operation, lanes) k##id,
#include <quoll/wasm/opcodes.inc>
#include <quoll/wasm/vector_opcodes.inc>
#undef V
#undef X
};

/// Marks a code that no instruction has.
inline constexpr std::uint16_t kNoOpcode = 0xffff;
/// The byte before the second page of opcodes.
inline constexpr std::uint8_t kPrefixMisc = 0xfc;
/// The byte before vector instructions.
inline constexpr std::uint8_t kPrefixVector = 0xfd;
/// The first number behind it of a relaxed instruction.
inline constexpr std::uint16_t kFirstRelaxed = 0x100;

/// One row of the table.
struct OpcodeInfo {
  /// The byte in front, or 0; and the byte, or the number behind the prefix.
  std::uint8_t prefix = 0;
  std::uint16_t number = 0;
  const char* text = nullptr;
  Immediates immediates = Immediates::kNone;
  Family family = Family::kSpecial;
  Operation operation = Operation::kNone;
  Lanes lanes = Lanes::kNone;
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
    case 'v':
      return ValueType::kV128;
    default:
      return ValueType::kI32;
  }
}

constexpr OpcodeInfo make_info(std::uint8_t prefix, std::uint16_t number, const char* text,
                               Immediates immediates, const char* signature, Family family,
                               Operation operation, Lanes lanes = Lanes::kNone) {
  OpcodeInfo info{.prefix = prefix,
                  .number = number,
                  .text = text,
                  .immediates = immediates,
                  .family = family,
                  .operation = operation,
                  .lanes = lanes};
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
#define X(id, code, text, immediates, signature, family, operation)                         \
  detail::make_info((code) >> 8, (code) & 0xff, text, Immediates::k##immediates, signature, \
                    Family::k##family, Operation::k##operation),
#define V(id, number, text, immediates, signature, family, operation, lanes)           \
  detail::make_info(kPrefixVector, number, text, Immediates::k##immediates, signature, \
                    Family::k##family, Operation::k##operation, Lanes::k##lanes),
#include <quoll/wasm/opcodes.inc>
#include <quoll/wasm/vector_opcodes.inc>
#undef V
#undef X
};
static_assert(kOpcodes.size() < kNoOpcode);

namespace detail {

template <std::size_t Size>
constexpr std::array<std::uint16_t, Size> index_page(std::uint8_t prefix) {
  std::array<std::uint16_t, Size> index{};
  index.fill(kNoOpcode);
  for (std::size_t i = 0; i < kOpcodes.size(); ++i) {
    // A number beyond the page fails to compile.
    if (kOpcodes[i].prefix == prefix) index[kOpcodes[i].number] = static_cast<std::uint16_t>(i);
  }
  return index;
}

}  // namespace detail

/// From a byte, or from the number behind a prefix, to `Opcode` or `kNoOpcode`.
inline constexpr auto kPlainOpcodes = detail::index_page<256>(0);
inline constexpr auto kMiscOpcodes = detail::index_page<32>(kPrefixMisc);
inline constexpr auto kVectorOpcodes = detail::index_page<0x114>(kPrefixVector);

constexpr const OpcodeInfo& info(Opcode opcode) {
  return kOpcodes[static_cast<std::uint16_t>(opcode)];
}

/// Bytes of one lane; of the whole vector where it is not divided.
constexpr std::uint32_t lane_bytes(Lanes lanes) {
  switch (lanes) {
    case Lanes::kI8x16:
      return 1;
    case Lanes::kI16x8:
      return 2;
    case Lanes::kI32x4:
    case Lanes::kF32x4:
      return 4;
    case Lanes::kI64x2:
    case Lanes::kF64x2:
      return 8;
    case Lanes::kNone:
    case Lanes::kBits:
      break;
  }
  return 16;
}

}  // namespace quoll::wasm
