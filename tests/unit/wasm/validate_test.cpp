// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Rules of validation, with the offset of the instruction that breaks them.
#include <gtest/gtest.h>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;

/// The error in a function of type [] -> [i32] with a memory and a global, and at which byte of
/// its code.
struct BodyError {
  bool valid = false;
  Rule rule = Rule::kUnexpectedEnd;
  std::uint64_t offset = 0;
};

BodyError check(const Code& code) {
  ModuleBuilder m;
  m.memory(1);
  m.global(kI64, Code::i64(1));
  m.function(m.type({}, {kI32}), code, {{1, kI32}});
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  if (module) return {.valid = true};
  const std::uint64_t body = bytes.size() - code.bytes().size() - 1;
  return {false, module.error().rule, module.error().offset - body};
}

void expect_error(const Code& code, Rule rule, std::uint64_t offset) {
  const BodyError error = check(code);
  EXPECT_FALSE(error.valid);
  EXPECT_STREQ(text(error.rule), text(rule));
  EXPECT_EQ(error.offset, offset);
}

TEST(Validation, AcceptsWhatIsTyped) {
  EXPECT_TRUE(check(Code::i32(1)).valid);
  EXPECT_TRUE(check(Opcode::kUnreachable).valid);
  EXPECT_TRUE(check(Code(Opcode::kUnreachable) + Opcode::kI32Add).valid);
  EXPECT_TRUE(check(Code::i32(0) + Code::i32(1) + Opcode::kI32Add).valid);
}

TEST(Validation, FindsTypeMismatches) {
  expect_error(Code::i64(1), Rule::kTypeMismatch, 2);
  expect_error({}, Rule::kTypeMismatch, 0);
  expect_error(Code::i32(1) + Code::i32(1), Rule::kTypeMismatch, 4);
  expect_error(Code::i32(1) + Code::i64(1) + Opcode::kI32Add, Rule::kTypeMismatch, 4);
  expect_error(Code::i32(1) + Opcode::kI32Add, Rule::kTypeMismatch, 2);
  expect_error(Code(Opcode::kGlobalGet, 0), Rule::kTypeMismatch, 2);
}

TEST(Validation, DoesNotReachBelowABlock) {
  expect_error(
      Code::i32(1) + Code::block(Opcode::kBlock) + Opcode::kDrop + Opcode::kEnd + Code::i32(1),
      Rule::kTypeMismatch, 4);
}

TEST(Validation, TypesUnreachableCode) {
  expect_error(Code(Opcode::kUnreachable) + Code::i64(1) + Code::i32(1) + Opcode::kI32Add,
               Rule::kTypeMismatch, 5);
  expect_error(Code(Opcode::kUnreachable) + Code::i32(1) + Code::i32(1), Rule::kTypeMismatch, 5);
}

TEST(Validation, ChecksIndices) {
  expect_error(Code(Opcode::kLocalGet, 1), Rule::kUnknownLocal, 0);
  expect_error(Code(Opcode::kGlobalGet, 1), Rule::kUnknownGlobal, 0);
  expect_error(Code(Opcode::kCall, 1), Rule::kUnknownFunction, 0);
  expect_error(Code(Opcode::kBr, 2), Rule::kUnknownLabel, 0);
  expect_error(Code::i32(0) + Code(Opcode::kTableGet, 0), Rule::kUnknownTable, 2);
  expect_error(Code(Opcode::kRefFunc, 0) + Opcode::kRefIsNull, Rule::kUndeclaredFunctionReference,
               0);
}

TEST(Validation, ChecksAlignment) {
  EXPECT_TRUE(check(Code::i32(0) + Code(Opcode::kI32Load, 2, 0)).valid);
  expect_error(Code::i32(0) + Code(Opcode::kI32Load, 3, 0), Rule::kAlignmentTooLarge, 2);
  expect_error(Code::i32(0) + Code(Opcode::kI32Load8U, 1, 0), Rule::kAlignmentTooLarge, 2);
}

TEST(Validation, AnIfWithoutElseGivesNothing) {
  expect_error(Code::i32(1) + Code::block(Opcode::kIf, kI32) + Code::i32(1) + Opcode::kEnd,
               Rule::kTypeMismatch, 6);
  expect_error(Code::block(Opcode::kBlock) + Opcode::kElse, Rule::kMisplacedElse, 2);
}

TEST(Validation, TellsMalformedFromInvalid) {
  EXPECT_EQ(rule_class(check(Code::raw({0xc7})).rule), RuleClass::kMalformed);
  EXPECT_EQ(rule_class(check(Code::raw({0xfc, 0x20})).rule), RuleClass::kMalformed);
  EXPECT_EQ(rule_class(check(Code::raw({0xfd, 0x9a, 0x01})).rule), RuleClass::kMalformed);
  EXPECT_EQ(rule_class(check(Code::raw({0xfd, 0x94, 0x02})).rule), RuleClass::kMalformed);
  EXPECT_EQ(rule_class(check(Code::i64(1)).rule), RuleClass::kInvalid);
}

TEST(Validation, BranchTablesAgreeOnArity) {
  expect_error(Code::block(Opcode::kBlock) + Code::i32(1) + Code::i32(0) +
                   Code::raw({0x0e, 1, 0, 1}) + Opcode::kEnd + Code::i32(1),
               Rule::kTypeMismatch, 6);
}

TEST(Validation, LimitsTheOperandStack) {
  // A call with a thousand results for two bytes of input: the limit bounds memory.
  ModuleBuilder m;
  const auto many = m.type({}, ModuleBuilder::Types(kMaxResults, kI32));
  const auto none = m.type({}, {});
  Code results;
  for (std::uint32_t i = 0; i < kMaxResults; ++i) results += Code::i32(0);
  const auto f = m.function(many, results);
  Code calls;
  for (std::uint32_t i = 0; i <= kMaxOperands / kMaxResults; ++i) calls += Code(Opcode::kCall, f);
  m.function(none, calls + Opcode::kUnreachable);
  const auto module = Module::decode(m.build());
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().rule, Rule::kOperandStackTooHigh);
}

}  // namespace
}  // namespace quoll::wasm
