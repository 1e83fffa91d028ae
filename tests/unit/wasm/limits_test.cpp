// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every limit of limits.hpp: what is just below is taken, what is just beyond is refused by a rule
// whose text says the number. Limits of memories and tables are in memories_test.cpp, that of
// operands in validate_test.cpp, those of locals in decode_test.cpp.
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;

ModuleError error_of(const Bytes& bytes) {
  const auto module = Module::decode(bytes);
  EXPECT_FALSE(module.has_value());
  return module ? ModuleError{} : module.error();
}

/// A module with one section that announces so many elements, with zeros behind the number.
Bytes announcing(std::uint8_t section, std::uint32_t count, std::uint32_t bytes_each) {
  Bytes content = test::unsigned_leb(count);
  content.resize(content.size() + std::size_t{count} * bytes_each);
  Bytes bytes = {0, 'a', 's', 'm', 1, 0, 0, 0, section};
  const Bytes size = test::unsigned_leb(content.size());
  bytes.insert(bytes.end(), size.begin(), size.end());
  bytes.insert(bytes.end(), content.begin(), content.end());
  return bytes;
}

TEST(Limits, OfCountsAreExact) {
  struct Case {
    std::uint8_t section;
    std::uint32_t most;
    std::uint32_t bytes_each;
    Rule rule;
  };
  for (const Case& c :
       {Case{1, kMaxTypes, 3, Rule::kTooManyTypes}, Case{2, kMaxImports, 4, Rule::kTooManyImports},
        Case{3, kMaxFunctions, 1, Rule::kTooManyFunctions},
        Case{4, kMaxTables, 3, Rule::kTooManyTables},
        Case{6, kMaxGlobals, 3, Rule::kTooManyGlobals},
        Case{7, kMaxExports, 3, Rule::kTooManyExports},
        Case{9, kMaxElementSegments, 3, Rule::kTooManyElementSegments},
        Case{11, kMaxDataSegments, 2, Rule::kTooManyDataSegments}}) {
    const Bytes beyond = announcing(c.section, c.most + 1, c.bytes_each);
    const ModuleError error = error_of(beyond);
    EXPECT_STREQ(text(error.rule), text(c.rule));
    EXPECT_EQ(rule_class(error.rule), RuleClass::kUnsupported);
    EXPECT_EQ(error.offset, 9 + test::unsigned_leb(beyond.size() - 13).size()) << text(c.rule);
    // Zeros are no elements; but there may be so many.
    EXPECT_NE(error_of(announcing(c.section, c.most, c.bytes_each)).rule, c.rule);
    EXPECT_NE(std::string_view(text(c.rule)).find(std::to_string(c.most)), std::string_view::npos);
  }
}

/// What is imported counts as well.
TEST(Limits, OfTablesAndFunctionsCountImports) {
  ModuleBuilder tables;
  for (std::uint32_t i = 0; i < kMaxTables; ++i) tables.import_table("", "", 0);
  EXPECT_TRUE(Module::decode(tables.build()).has_value());
  ModuleBuilder more = tables;
  more.table(0);
  EXPECT_EQ(error_of(more.build()).rule, Rule::kTooManyTables);
  tables.import_table("", "", 0);
  EXPECT_EQ(error_of(tables.build()).rule, Rule::kTooManyTables);
}

TEST(Limits, OfParametersAndResults) {
  for (const bool results : {false, true}) {
    const auto with = [&](std::uint32_t count) {
      const ModuleBuilder::Types many(count, kI32);
      ModuleBuilder m;
      m.type(results ? ModuleBuilder::Types{} : many, results ? many : ModuleBuilder::Types{});
      return m.build();
    };
    EXPECT_TRUE(Module::decode(with(kMaxParameters)).has_value());
    const ModuleError error = error_of(with(kMaxParameters + 1));
    EXPECT_EQ(error.rule, results ? Rule::kTooManyResults : Rule::kTooManyParameters);
    EXPECT_NE(std::string_view(text(error.rule)).find("1000 "), std::string_view::npos);
  }
}

TEST(Limits, OfNesting) {
  const auto with = [](std::uint32_t depth) {
    Code code;
    Code ends;
    for (std::uint32_t i = 0; i < depth; ++i) {
      code += Code::block(Opcode::kBlock);
      ends += Opcode::kEnd;
    }
    ModuleBuilder m;
    m.function(m.type({}, {}), code + ends);
    return m.build();
  };
  EXPECT_TRUE(Module::decode(with(kMaxNesting)).has_value());
  EXPECT_EQ(error_of(with(kMaxNesting + 1)).rule, Rule::kNestingTooDeep);
  EXPECT_NE(std::string_view(text(Rule::kNestingTooDeep)).find(std::to_string(kMaxNesting)),
            std::string_view::npos);
}

TEST(Limits, OfAFunctionsBody) {
  const auto with = [](std::uint32_t bytes) {
    // One byte for the locals, one for the end.
    Code code;
    code.append(Bytes(bytes - 2, static_cast<std::uint8_t>(info(Opcode::kNop).number)));
    ModuleBuilder m;
    m.function(m.type({}, {}), code);
    return m.build();
  };
  EXPECT_TRUE(Module::decode(with(kMaxFunctionBytes)).has_value());
  const ModuleError error = error_of(with(kMaxFunctionBytes + 1));
  EXPECT_EQ(error.rule, Rule::kFunctionTooLarge);
  EXPECT_NE(std::string_view(text(error.rule)).find("12 MiB"), std::string_view::npos);
  static_assert(kMaxFunctionBytes == 12u << 20);
}

TEST(Limits, OfAModule) {
  // Its size alone decides: not a byte is read.
  const std::uint8_t byte = 0;
  const auto module = Module::decode(std::span(&byte, kMaxModuleBytes + 1));
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().rule, Rule::kModuleTooLarge);
}

/// Recursion without end is a trap at the depth that the stack's size gives: a call takes the
/// caller's locals and operands below the arguments, and a record.
TEST(Limits, OfRecursionAreWhereTheyAreDocumented) {
  for (const std::uint64_t stack : {std::uint64_t{1} << 14, kDefaultStackBytes}) {
    for (const std::uint32_t locals : {0u, 10u, 1000u}) {
      ModuleBuilder m;
      m.global(kI32, Code::i32(0));
      m.export_as("depth", ExternKind::kGlobal, 0);
      const auto f =
          m.function(m.type({kI32}, {}),
                     Code(Opcode::kGlobalGet, 0) + Code::i32(1) + Opcode::kI32Add +
                         Code(Opcode::kGlobalSet, 0) + Code::i32(7) + Code(Opcode::kCall, 0),
                     {{locals, ValueType::kI64}});
      test::Guest guest(m.build(), test::host_config(stack));
      const WasmTrap trap = guest.trap(f, {Value::i32(1)});
      EXPECT_EQ(trap.kind, TrapKind::kCallStackExhausted);
      EXPECT_EQ(trap.function_index, f);
      const std::uint64_t depth = guest.instance().find_global("depth")->get().as_i32();
      const std::uint64_t each = 8 * (1 + std::uint64_t{locals}) + 32;
      // What the deepest call could not have: its own frame, and room for two records.
      const std::uint64_t rest = 8 * (std::uint64_t{locals} + 8) + 3 * 32;
      EXPECT_LE(depth * each, stack);
      EXPECT_GE((depth + 1) * each + rest, stack) << stack << " " << locals;
    }
  }
}

/// A frame counts whole: it does not begin where it would not end.
TEST(Limits, OfTheStackHoldForEachFrame) {
  constexpr std::uint32_t kLocals = 1000;
  ModuleBuilder m;
  const auto f = m.function(m.type({}, {}), Opcode::kNop, {{kLocals, ValueType::kI64}});
  test::Guest small(m.build(), test::host_config(kLocals * 8));
  EXPECT_EQ(small.trap(f).kind, TrapKind::kCallStackExhausted);
  test::Guest large(m.build(), test::host_config(kLocals * 8 + 256));
  EXPECT_TRUE(large.call(f, {}).returned());
}

}  // namespace
}  // namespace quoll::wasm
