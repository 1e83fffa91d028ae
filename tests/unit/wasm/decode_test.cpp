// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the decoder refuses, and where it says the error is.
#include <gtest/gtest.h>
#include <random>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

ModuleError error_of(const Bytes& bytes, Features features = Features::all()) {
  const auto module = Module::decode(bytes, features);
  EXPECT_FALSE(module.has_value());
  return module ? ModuleError{} : module.error();
}

Bytes with_section(std::initializer_list<int> section) {
  Bytes bytes = {0, 'a', 's', 'm', 1, 0, 0, 0};
  for (const int byte : section) bytes.push_back(static_cast<std::uint8_t>(byte));
  return bytes;
}

#define EXPECT_ERROR(bytes, expected_rule, expected_offset)  \
  do {                                                       \
    const ModuleError error = error_of(bytes);               \
    EXPECT_STREQ(text(error.rule), text(expected_rule));     \
    EXPECT_EQ(error.offset, std::uint64_t{expected_offset}); \
  } while (false)

/// A module with something in every section.
Bytes rich_module() {
  ModuleBuilder m;
  constexpr ValueType i32 = ValueType::kI32;
  const auto binary = m.type({i32, i32}, {i32});
  const auto none = m.type({}, {});
  m.import_function("env", "f", none);
  const auto add = m.function(binary,
                              Code(Opcode::kLocalGet, 0) + Code(Opcode::kLocalGet, 1) +
                                  Opcode::kI32Add + Code::block(Opcode::kIf, i32) + Code::i32(1) +
                                  Opcode::kElse + Code(Opcode::kGlobalGet, 0) + Opcode::kEnd,
                              {{3, ValueType::kF64}});
  const auto run = m.function(none, Code(Opcode::kCall, 0));
  m.table(4);
  m.memory(1);
  m.global(i32, Code::i32(-5));
  m.export_as("add", ExternKind::kFunction, add);
  m.export_as("memory", ExternKind::kMemory, 0);
  m.elements(1, {add, run});
  m.data(8, "some bytes");
  return m.build();
}

TEST(ModuleDecoder, ChecksTheHeader) {
  EXPECT_ERROR(Bytes{}, Rule::kUnexpectedEnd, 0u);
  EXPECT_ERROR((Bytes{0, 'a', 's', 'n', 1, 0, 0, 0}), Rule::kBadMagic, 0u);
  EXPECT_ERROR((Bytes{0, 'a', 's', 'm', 2, 0, 0, 0}), Rule::kBadVersion, 4u);
  EXPECT_TRUE(Module::decode(Bytes{0, 'a', 's', 'm', 1, 0, 0, 0}).has_value());
}

TEST(ModuleDecoder, ChecksTheOrderAndSizeOfSections) {
  EXPECT_ERROR(with_section({1, 1, 0, 1, 1, 0}), Rule::kSectionOrder, 11u);
  EXPECT_ERROR(with_section({14, 0}), Rule::kMalformedSectionId, 8u);
  EXPECT_ERROR(with_section({1, 2, 0, 0}), Rule::kSectionSize, 11u);
  EXPECT_ERROR(with_section({1, 9, 0}), Rule::kLengthOutOfBounds, 9u);
}

TEST(ModuleDecoder, RefusesHugeCountsBeforeAllocating) {
  // Each section with 2^32 - 1 elements announced and no bytes behind the number.
  for (const int id : {1, 2, 3, 4, 5, 6, 7, 9, 10, 11}) {
    const ModuleError error = error_of(with_section({id, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}));
    EXPECT_EQ(rule_class(error.rule), RuleClass::kMalformed) << id;
    EXPECT_EQ(error.offset, 10u) << id;
  }
}

TEST(ModuleDecoder, NamesTheByteOfABadType) {
  EXPECT_ERROR(with_section({1, 5, 1, 0x60, 1, 0x55, 0}), Rule::kMalformedValueType, 13u);
  EXPECT_ERROR(with_section({1, 4, 1, 0x61, 0, 0}), Rule::kMalformedFunctionType, 11u);
  EXPECT_ERROR(with_section({3, 2, 1, 0}), Rule::kUnknownType, 11u);
}

TEST(ModuleDecoder, AllowsOneMemoryWithoutTheFeatureWhetherImportedOrDefined) {
  ModuleBuilder m;
  m.import_memory("env", "memory", 1);
  m.memory(1);
  EXPECT_EQ(error_of(m.build(), Features::none()).rule, Rule::kMultipleMemories);
  EXPECT_TRUE(Module::decode(m.build()).has_value());
}

TEST(ModuleDecoder, ChecksLimits) {
  EXPECT_ERROR(with_section({5, 4, 1, 1, 2, 1}), Rule::kLimitsOrder, 11u);
  EXPECT_ERROR(with_section({5, 5, 1, 0, 0x81, 0x80, 0x04}), Rule::kMemoryTooLarge, 11u);
  EXPECT_ERROR(with_section({5, 3, 1, 8, 0}), Rule::kMalformedLimitsFlags, 11u);
}

TEST(ModuleDecoder, ComparesDataCountWithData) {
  EXPECT_ERROR(with_section({5, 3, 1, 0, 1, 12, 1, 2, 11, 3, 1, 1, 0}), Rule::kDataCountMismatch,
               18u);
  EXPECT_ERROR(with_section({12, 1, 1}), Rule::kDataCountMismatch, 11u);
}

TEST(ModuleDecoder, RefusesDuplicateExports) {
  ModuleBuilder m;
  m.memory(1);
  m.export_as("a", ExternKind::kMemory, 0);
  m.export_as("b", ExternKind::kMemory, 0);
  m.export_as("a", ExternKind::kMemory, 0);
  EXPECT_EQ(error_of(m.build()).rule, Rule::kDuplicateExport);
}

TEST(ModuleDecoder, FindsExportsByName) {
  const Bytes bytes = rich_module();
  const auto module = Module::decode(bytes);
  ASSERT_TRUE(module.has_value());
  ASSERT_NE((*module)->find_export("add"), nullptr);
  EXPECT_EQ((*module)->find_export("add")->index, 1u);
  EXPECT_EQ((*module)->find_export("ad"), nullptr);
  EXPECT_EQ((*module)->find_export(""), nullptr);
}

TEST(ModuleDecoder, RefusesEveryTruncation) {
  const Bytes whole = rich_module();
  ASSERT_TRUE(Module::decode(whole).has_value());
  unsigned accepted = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const auto module = Module::decode(cut);
    if (module) {
      ++accepted;  // only between two sections
    } else {
      EXPECT_LE(module.error().offset, length);
    }
  }
  EXPECT_LE(accepted, 6u);
}

TEST(ModuleDecoder, SurvivesRandomChanges) {
  const Bytes whole = rich_module();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = whole;
    for (unsigned changes = random() % 4 + 1; changes != 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    const auto module = Module::decode(bytes);
    if (!module) {
      EXPECT_LE(module.error().offset, bytes.size());
    }
  }
}

TEST(ModuleDecoder, NestsBlocksWithoutRecursion) {
  constexpr int kDepth = 100000;
  Code code;
  for (int i = 0; i < kDepth; ++i) code += Code::block(Opcode::kBlock);
  for (int i = 0; i < kDepth; ++i) code += Opcode::kEnd;
  ModuleBuilder m;
  const auto f = m.function(m.type({}, {}), code);
  test::Guest guest(m.build());
  EXPECT_TRUE(guest.call(f, {}).returned());
}

TEST(ModuleDecoder, LimitsLocals) {
  ModuleBuilder m;
  const auto type = m.type({}, {});
  m.function(type, {}, {{kMaxLocals, ValueType::kI64}});
  EXPECT_TRUE(Module::decode(m.build()).has_value());
  m.function(type, {}, {{kMaxLocals, ValueType::kI64}, {1, ValueType::kI32}});
  EXPECT_EQ(error_of(m.build()).rule, Rule::kLocalsLimit);
  ModuleBuilder malformed;
  malformed.function(malformed.type({}, {}), {},
                     {{0xffffffffu, ValueType::kI64}, {1, ValueType::kI32}});
  EXPECT_EQ(error_of(malformed.build()).rule, Rule::kTooManyLocals);
}

TEST(ModuleDecoder, ReadsFunctionNames) {
  ModuleBuilder m;
  m.function(m.type({}, {}), {});
  Bytes bytes = m.build();
  const Bytes names = {0, 4 + 1 + 2 + 5, 4, 'n', 'a', 'm', 'e', 1, 5, 1, 0, 2, 'f', 'n'};
  bytes.insert(bytes.end(), names.begin(), names.end());
  bytes[bytes.size() - names.size() + 1] = static_cast<std::uint8_t>(names.size() - 2);
  const auto module = Module::decode(bytes);
  ASSERT_TRUE(module.has_value());
  EXPECT_EQ((*module)->function_name(0), "fn");
  EXPECT_EQ((*module)->function_name(1), "");
}

}  // namespace
}  // namespace quoll::wasm
