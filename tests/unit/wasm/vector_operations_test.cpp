// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every instruction of the vectors' opcode table, with operands from everywhere and results to
// everywhere, in frames near and far: the results have to agree.
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Code;
using test::ModuleBuilder;

constexpr ValueType kV128 = ValueType::kV128;
constexpr std::uint32_t kOperands = 3;
/// Locals that take the pins unless an operand is used more.
constexpr std::uint32_t kFillers = 4;
constexpr std::uint32_t kResultLocal = kOperands + kFillers;

/// Where an operand comes from.
enum class Way { kLocal, kPinned, kConstant, kComputed };
constexpr Way kWays[] = {Way::kLocal, Way::kPinned, Way::kConstant, Way::kComputed};

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}

Code use_often(std::uint32_t local, int times) {
  Code code;
  for (int i = 0; i < times; ++i) code += get(local) + Opcode::kDrop;
  return code;
}

Code push_operand(Way way, std::uint32_t index, const Value& value) {
  switch (way) {
    case Way::kConstant:
      if (value.type() == kV128) return Code::v128(value.bits(), value.high_bits());
      return Code::constant(value.type(), value.bits());
    case Way::kComputed:
      switch (value.type()) {
        case kV128:
          return get(index) + Opcode::kV128Not + Opcode::kV128Not;
        case ValueType::kI32:
          return get(index) + Code::i32(0) + Opcode::kI32Or;
        case ValueType::kI64:
          return get(index) + Code::i64(0) + Opcode::kI64Or;
        case ValueType::kF32:
          return get(index) + Opcode::kF32Neg + Opcode::kF32Neg;
        default:
          return get(index) + Opcode::kF64Neg + Opcode::kF64Neg;
      }
    default:
      return get(index);
  }
}

Code immediates_of(const OpcodeInfo& op, std::mt19937_64& random) {
  Code code;
  switch (op.immediates) {
    case Immediates::kLane:
      return Code::raw({static_cast<int>(random() % (16 / lane_bytes(op.lanes)))});
    case Immediates::kLanes16: {
      // Whole lanes of every width come up, and mixtures.
      const unsigned width = 1u << random() % 4;
      unsigned first = 0;
      for (unsigned i = 0; i < 16; ++i) {
        if (i % width == 0) first = random() % (32 / width) * width;
        code += Code::raw({static_cast<int>(first + i % width)});
      }
      return code;
    }
    case Immediates::kV128:
      for (int i = 0; i < 16; ++i) code += Code::raw({static_cast<int>(random() % 256)});
      return code;
    default:
      return code;
  }
}

/// Halves whose lanes are at the edges of their range more often than not.
std::uint64_t interesting(std::mt19937_64& random) {
  constexpr std::uint64_t kWords[] = {0,
                                      ~std::uint64_t{0},
                                      0x8000800080008000u,
                                      0x7fff7fff7fff7fffu,
                                      0x8000000080000000u,
                                      0x3f8000004f000000u,
                                      0x3ff8000000000000u,
                                      0x7ff0000000000001u};
  return random() % 2 == 0 ? random() : kWords[random() % std::size(kWords)];
}

Value operand_of(ValueType type, std::mt19937_64& random) {
  const std::uint64_t low = interesting(random);
  return Value::from_bits(type, low, interesting(random));
}

class EveryVectorOperation : public testing::TestWithParam<std::uint16_t> {
 protected:
  /// Where the result goes.
  enum class To { kOut, kFreshLocal, kTee, kFirstOperand, kLastOperand, kBlock };
  static constexpr To kTargets[] = {To::kOut,          To::kFreshLocal,  To::kTee,
                                    To::kFirstOperand, To::kLastOperand, To::kBlock};

  const OpcodeInfo& op_ = kOpcodes[GetParam()];

  /// Computes with operands from `ways` and a result that goes through `to`.
  Code body(std::span<const Value> values, std::span<const Way> ways, const Code& immediates, To to,
            std::uint32_t result) const {
    Code code;
    for (std::uint32_t i = kOperands; i < kOperands + kFillers; ++i) code += use_often(i, 8);
    for (std::uint32_t i = 0; i < op_.operand_count; ++i) {
      if (ways[i] == Way::kPinned) code += use_often(i, 12);
    }
    // Something below the operands, so that they do not start at the bottom.
    code += get(kOperands);
    for (std::uint32_t i = 0; i < op_.operand_count; ++i) {
      code += push_operand(ways[i], i, values[i]);
    }
    code += Code(static_cast<Opcode>(GetParam())) + immediates;
    const auto last = static_cast<std::uint32_t>(op_.operand_count) - 1;
    std::uint32_t local = result;
    if (to == To::kFirstOperand && op_.operands[0] == op_.result) local = 0;
    if (to == To::kLastOperand && op_.operands[last] == op_.result) local = last;
    if (to == To::kBlock) {
      // The values lie on each other in part: the result moves down by one slot.
      return Code::block(Opcode::kBlock, op_.result) + code + Code(Opcode::kBr, 0) + Opcode::kEnd;
    }
    if (to != To::kOut) {
      code += to == To::kTee ? Code(Opcode::kLocalTee, local) + Opcode::kDrop + get(local)
                             : Code(Opcode::kLocalSet, local) + get(local);
    }
    const std::uint32_t saved = result + 1;
    return Code::block(Opcode::kBlock, op_.result) + code + Code(Opcode::kLocalSet, saved) +
           Opcode::kDrop + get(saved) + Opcode::kEnd;
  }
};

TEST_P(EveryVectorOperation, AgreesForAllOperandsAndFrames) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 6; ++round) {
    std::vector<Value> arguments;
    ModuleBuilder::Types parameters;
    for (std::uint32_t i = 0; i < kOperands; ++i) {
      parameters.push_back(i < op_.operand_count ? op_.operands[i] : ValueType::kI32);
      arguments.push_back(operand_of(parameters.back(), random));
    }
    for (const ValueType filler :
         {ValueType::kI64, ValueType::kI64, ValueType::kF64, ValueType::kF64}) {
      parameters.push_back(filler);
      arguments.push_back(operand_of(filler, random));
    }
    const Code immediates = immediates_of(op_, random);
    ModuleBuilder m;
    const auto type = m.type(parameters, {op_.result});
    std::vector<std::uint32_t> functions;
    for (const std::uint32_t far : {0u, 8160u, 8174u, 8175u, 9000u}) {
      for (const To to : kTargets) {
        Way ways[kOperands];
        for (Way& way : ways) way = functions.empty() ? Way::kLocal : kWays[random() % 4];
        const Code code = body(arguments, ways, immediates, to, kResultLocal + far);
        functions.push_back(
            far == 0 ? m.function(type, code, {{2, op_.result}})
                     : m.function(type, code, {{far, ValueType::kI64}, {2, op_.result}}));
      }
    }
    test::Guest guest(m.build());
    const Value first = guest.value(functions[0], arguments);
    for (const std::uint32_t f : functions) {
      const Value got = guest.value(f, arguments);
      EXPECT_EQ(got.bits(), first.bits()) << op_.text << " function " << f;
      EXPECT_EQ(got.high_bits(), first.high_bits()) << op_.text << " function " << f;
    }
  }
}

std::vector<std::uint16_t> vector_opcodes() {
  std::vector<std::uint16_t> found;
  for (std::uint16_t i = 0; i < kOpcodes.size(); ++i) {
    const OpcodeInfo& op = kOpcodes[i];
    const bool memory =
        op.immediates == Immediates::kMemArg || op.immediates == Immediates::kMemArgLane;
    if (op.lanes != Lanes::kNone && op.operand_count != 0 && !memory) found.push_back(i);
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryVectorOperation, testing::ValuesIn(vector_opcodes()),
                         [](const auto& param) {
                           std::string name = kOpcodes[param.param].text;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

TEST(VectorOpcodes, AreAllOfTheSpecification) {
  unsigned fixed = 0;
  unsigned relaxed = 0;
  for (const OpcodeInfo& op : kOpcodes) {
    if (op.prefix == kPrefixVector) ++(op.number < 0x100 ? fixed : relaxed);
  }
  EXPECT_EQ(fixed, 236u);
  EXPECT_EQ(relaxed, 20u);
}

}  // namespace
}  // namespace quoll::wasm
