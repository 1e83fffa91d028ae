// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every numeric instruction of the opcode table, through every way in which operands can reach
// its handler: the results have to agree.
#include <bit>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Code;
using test::ModuleBuilder;

/// Where an operand comes from.
enum class Way { kLocal, kPinned, kConstant, kComputed };
constexpr Way kWays[] = {Way::kLocal, Way::kPinned, Way::kConstant, Way::kComputed};

/// Parameters 0 and 1 are the operands; 2 to 5 are others whose only purpose is to take the pins.
constexpr std::uint32_t kFillers = 2;

Code use_often(std::uint32_t local) {
  Code code;
  for (int i = 0; i < 8; ++i) code += Code(Opcode::kLocalGet, local) + Opcode::kDrop;
  return code;
}

/// Code that pushes operand `index`, whose value is `bits`, in that way.
Code push_operand(Way way, std::uint32_t index, ValueType type, std::uint64_t bits) {
  if (way == Way::kConstant) return Code::constant(type, bits);
  const Code get(Opcode::kLocalGet, index);
  if (way != Way::kComputed) return get;
  switch (type) {
    case ValueType::kI32:
      return get + Code::i32(0) + Opcode::kI32Or;
    case ValueType::kI64:
      return get + Code::i64(0) + Opcode::kI64Or;
    case ValueType::kF32:
      return get + Opcode::kF32Neg + Opcode::kF32Neg;
    default:
      return get + Opcode::kF64Neg + Opcode::kF64Neg;
  }
}

std::uint64_t interesting(ValueType type, std::mt19937_64& random) {
  const bool narrow = type == ValueType::kI32 || type == ValueType::kF32;
  std::uint64_t bits = random();
  switch (random() % 5) {
    case 0:
      bits = random() % 3;
      break;
    case 1:
      bits = narrow ? 0xffffffffu - random() % 2 : ~(random() % 2);
      break;
    case 2:
      if (type == ValueType::kF32)
        bits = std::bit_cast<std::uint32_t>(float(random() % 100) - 50.f);
      if (type == ValueType::kF64)
        bits = std::bit_cast<std::uint64_t>(double(random() % 100) - 50.);
      break;
    case 3:
      bits = narrow ? 0x80000000u : std::uint64_t{1} << 63;
      break;
    default:
      break;
  }
  return narrow ? bits & 0xffffffffu : bits;
}

/// A number for the outcome: the result's bits, with NaNs made equal, or which trap it was.
std::string describe(const Outcome& outcome, const Value& value) {
  if (!outcome.returned()) return text(outcome.trap.kind);
  if (value.type() == ValueType::kF32 && value.as_f32() != value.as_f32()) return "nan";
  if (value.type() == ValueType::kF64 && value.as_f64() != value.as_f64()) return "nan";
  return std::to_string(value.bits());
}

class EveryOperation : public testing::TestWithParam<std::uint16_t> {};

TEST_P(EveryOperation, AgreesForAllOperandClasses) {
  const OpcodeInfo& op = kOpcodes[GetParam()];
  const auto opcode = static_cast<Opcode>(GetParam());
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const bool binary = op.operand_count == 2;
  for (int round = 0; round < 12; ++round) {
    const ValueType a_type = op.operands[0];
    const ValueType b_type = binary ? op.operands[1] : ValueType::kI32;
    const std::uint64_t a = interesting(a_type, random);
    const std::uint64_t b = interesting(b_type, random);
    ModuleBuilder m;
    ModuleBuilder::Types parameters = {a_type,          b_type,          ValueType::kI64,
                                       ValueType::kI64, ValueType::kF64, ValueType::kF64};
    const auto type = m.type(parameters, {op.result});
    std::vector<std::uint32_t> functions;
    for (const Way way_a : kWays) {
      for (const Way way_b : kWays) {
        Code code;
        // The most used locals are pinned: the operands themselves, or the fillers.
        for (std::uint32_t i = kFillers; i < parameters.size(); ++i) code += use_often(i);
        for (int i = 0; i < 2; ++i) {
          if (way_a == Way::kPinned) code += use_often(0);
          if (way_b == Way::kPinned) code += use_often(1);
        }
        code += push_operand(way_a, 0, a_type, a);
        if (binary) code += push_operand(way_b, 1, b_type, b);
        code += opcode;
        // To a fresh local and back, to a local that has a pin, and straight out.
        functions.push_back(m.function(type, code));
        functions.push_back(
            m.function(type, code + Code(Opcode::kLocalSet, 6) + Code(Opcode::kLocalGet, 6),
                       {{1, op.result}}));
        functions.push_back(m.function(type,
                                       code + Code(Opcode::kLocalTee, 6) + Opcode::kDrop +
                                           use_often(6) + use_often(6) + use_often(6) +
                                           Code(Opcode::kLocalGet, 6),
                                       {{1, op.result}}));
      }
    }
    test::Guest guest(m.build());
    const std::vector<Value> arguments = {Value::from_bits(a_type, a),
                                          Value::from_bits(b_type, b),
                                          Value::i64(1),
                                          Value::i64(2),
                                          Value::f64(3),
                                          Value::f64(4)};
    std::string first;
    for (const std::uint32_t f : functions) {
      std::vector<Value> results;
      const Outcome outcome = guest.call(f, arguments, &results);
      const std::string got = describe(outcome, results[0]);
      if (f == functions[0]) first = got;
      EXPECT_EQ(got, first) << op.text << " " << a << " " << b << " function " << f;
    }
  }
}

std::vector<std::uint16_t> numeric_opcodes() {
  std::vector<std::uint16_t> found;
  for (std::uint16_t i = 0; i < kOpcodes.size(); ++i) {
    const OpcodeInfo& op = kOpcodes[i];
    const bool memory = op.immediates == Immediates::kMemArg;
    const bool vector = op.lanes != Lanes::kNone;
    if (op.family != Family::kSpecial && op.has_signature && !memory && !vector) {
      found.push_back(i);
    }
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOperation, testing::ValuesIn(numeric_opcodes()),
                         [](const auto& param) {
                           std::string name = kOpcodes[param.param].text;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

TEST(OpcodeTable, CodesAreUniqueAndFoundAgain) {
  for (std::uint16_t i = 0; i < kOpcodes.size(); ++i) {
    const OpcodeInfo& row = kOpcodes[i];
    std::span<const std::uint16_t> page = kPlainOpcodes;
    if (row.prefix == kPrefixMisc) page = kMiscOpcodes;
    if (row.prefix == kPrefixVector) page = kVectorOpcodes;
    EXPECT_EQ(page[row.number], i) << row.text;
  }
}

TEST(OpcodeTable, TextsAreUnique) {
  for (std::size_t i = 0; i < kOpcodes.size(); ++i) {
    for (std::size_t k = i + 1; k < kOpcodes.size(); ++k) {
      const bool both_selects = std::string_view(kOpcodes[i].text) == "select";
      if (!both_selects) {
        EXPECT_STRNE(kOpcodes[i].text, kOpcodes[k].text);
      }
    }
  }
}

}  // namespace
}  // namespace quoll::wasm
