// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Constant expressions: what they give, what they may name, and what is left of them when the
// feature is off.
#include <gtest/gtest.h>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;

ModuleError refusal(const Bytes& bytes, Features features = Features::all()) {
  const auto module = Module::decode(bytes, features);
  EXPECT_FALSE(module.has_value());
  return module ? ModuleError{} : module.error();
}

/// A module with one global, and what it is.
Value value_of(ValueType type, const Code& initializer) {
  ModuleBuilder m;
  m.global(type, initializer, Mutability::kConst);
  test::Guest guest(m.build());
  return guest.instance().global(0).get();
}

TEST(ConstantExpression, AddsSubtractsAndMultiplies) {
  const Code a = Code::i32(0x7fffffff);
  const Code b = Code::i32(3);
  EXPECT_EQ(value_of(kI32, a + b + Opcode::kI32Add).as_i32(), 0x80000002u);
  EXPECT_EQ(value_of(kI32, b + a + Opcode::kI32Sub).as_i32(), 0x80000004u);
  EXPECT_EQ(value_of(kI32, a + b + Opcode::kI32Mul).as_i32(), 0x7ffffffdu);
  const Code c = Code::i64(0x7fffffffffffffff);
  const Code d = Code::i64(3);
  EXPECT_EQ(value_of(kI64, c + d + Opcode::kI64Add).as_i64(), 0x8000000000000002u);
  EXPECT_EQ(value_of(kI64, d + c + Opcode::kI64Sub).as_i64(), 0x8000000000000004u);
  EXPECT_EQ(value_of(kI64, c + d + Opcode::kI64Mul).as_i64(), 0x7ffffffffffffffdu);
}

TEST(ConstantExpression, ThatOverflowsIsWhatCodeSees) {
  // An i32 is held sign-extended: a comparison would see bits that do not belong to it.
  ModuleBuilder m;
  m.global(kI32, Code::i32(0x7fffffff) + Code::i32(1) + Opcode::kI32Add, Mutability::kConst);
  const auto negative =
      m.function(m.type({}, {kI32}), Code(Opcode::kGlobalGet, 0) + Code::i32(0) + Opcode::kI32LtS);
  test::Guest guest(m.build());
  EXPECT_EQ(guest.value(negative).as_i32(), 1u);
}

TEST(ConstantExpression, MayBeAsDeepAsItsBytes) {
  constexpr int kDepth = 5000;
  Code deep;
  for (int i = 0; i <= kDepth; ++i) deep += Code::i32(1);
  for (int i = 0; i < kDepth; ++i) deep += Opcode::kI32Add;
  EXPECT_EQ(value_of(kI32, deep).as_i32(), kDepth + 1u);
}

TEST(ConstantExpression, NamesConstantsInFrontOfIt) {
  ModuleBuilder m;
  m.global(kI32, Code::i32(40), Mutability::kConst);
  m.global(kI32, Code(Opcode::kGlobalGet, 0) + Code::i32(2) + Opcode::kI32Add, Mutability::kConst);
  m.memory(1);
  m.data(Code(Opcode::kGlobalGet, 1) + Code::i32(2) + Opcode::kI32Mul, "x");
  test::Guest guest(m.build());
  EXPECT_EQ(guest.instance().global(1).get().as_i32(), 42u);
  EXPECT_EQ(guest.instance().memory()->bytes()[84], 'x');
}

TEST(ConstantExpression, DoesNotNameItselfOrWhatFollowsOrVariables) {
  for (const std::uint32_t named : {1u, 2u}) {
    ModuleBuilder m;
    m.global(kI32, Code::i32(1), Mutability::kConst);
    m.global(kI32, Code(Opcode::kGlobalGet, named), Mutability::kConst);
    m.global(kI32, Code::i32(1), Mutability::kConst);
    EXPECT_EQ(refusal(m.build()).rule, Rule::kUnknownGlobal) << named;
  }
  ModuleBuilder m;
  m.global(kI32, Code::i32(1), Mutability::kVar);
  m.global(kI32, Code(Opcode::kGlobalGet, 0), Mutability::kConst);
  EXPECT_EQ(refusal(m.build()).rule, Rule::kConstantExpected);
}

TEST(ConstantExpression, IsTyped) {
  const Code one = Code::i32(1);
  const Code cases[] = {
      Code(),
      one + one,
      Code(Opcode::kI32Add),
      one + Opcode::kI32Add,
      one + Code::i64(1) + Opcode::kI32Add,
      one + one + Opcode::kI64Add,
      Code::i64(1) + Code::i64(1) + Opcode::kI64Add,
  };
  for (const Code& code : cases) {
    ModuleBuilder m;
    m.global(kI32, code, Mutability::kConst);
    EXPECT_EQ(refusal(m.build()).rule, Rule::kTypeMismatch) << code.bytes().size();
  }
  ModuleBuilder m;
  m.global(kI32, one + one + Opcode::kI32DivU, Mutability::kConst);
  EXPECT_EQ(refusal(m.build()).rule, Rule::kConstantExpected);
}

TEST(ConstantExpression, IsOneInstructionWhenTheFeatureIsOff) {
  ModuleBuilder sum;
  sum.global(kI32, Code::i32(1) + Code::i32(1) + Opcode::kI32Add, Mutability::kConst);
  const ModuleError error = refusal(sum.build(), Features::none());
  EXPECT_EQ(error.rule, Rule::kConstantExpected);
  EXPECT_EQ(error.missing, Feature::kExtendedConstants);

  ModuleBuilder named;
  named.global(kI32, Code::i32(1), Mutability::kConst);
  named.global(kI32, Code(Opcode::kGlobalGet, 0), Mutability::kConst);
  const ModuleError unknown = refusal(named.build(), Features::none());
  EXPECT_EQ(unknown.rule, Rule::kUnknownGlobal);
  EXPECT_EQ(unknown.missing, Feature::kExtendedConstants);

  ModuleBuilder plain;
  plain.global(kI32, Code::i32(1), Mutability::kConst);
  EXPECT_TRUE(Module::decode(plain.build(), Features::none()).has_value());
}

TEST(Features, AreThoseOfTheEngine) {
  ModuleBuilder m;
  m.global(kI32, Code::i32(1) + Code::i32(1) + Opcode::kI32Add, Mutability::kConst);
  const Bytes bytes = m.build();
  EngineConfig config = test::host_config();
  EXPECT_TRUE(Engine(config).decode(bytes).has_value()) << "all features are on";
  config.features = Features::all().without(Feature::kExtendedConstants);
  EXPECT_FALSE(Engine(config).decode(bytes).has_value());
  config.features = Features::none().with(Feature::kExtendedConstants);
  EXPECT_TRUE(Engine(config).decode(bytes).has_value());
}

TEST(Features, AWrongModuleIsWrongWithoutAFeature) {
  const ModuleError error = refusal({0, 'a', 's', 'n'}, Features::none());
  EXPECT_EQ(error.rule, Rule::kBadMagic);
  EXPECT_FALSE(error.missing.has_value());
}

}  // namespace
}  // namespace quoll::wasm
