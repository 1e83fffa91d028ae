// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What few bytes of a module can make the engine allocate, and how much code one byte can become.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/wasm.hpp>

#include "allocations.hpp"
#include "module_builder.hpp"
#include "translate/function_compiler.hpp"

namespace quoll::translation {
namespace {

using wasm::Module;
using wasm::Opcode;
using wasm::Rule;
using wasm::ValueType;
using wasm::test::Bytes;
using wasm::test::Code;
using wasm::test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kF64 = ValueType::kF64;

// The same as the fuzzers ask for.
constexpr std::size_t kBytesForEach = 256;
constexpr std::size_t kBytesForNone = std::size_t{64} << 10;

Code times(std::uint32_t count, const Code& piece) {
  Code code;
  for (std::uint32_t i = 0; i < count; ++i) code += piece;
  return code;
}
Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}

/// The most that is allocated while these bytes are read.
std::size_t decode_peak(const Bytes& bytes) {
  forget_peak();
  const std::size_t before = allocated();
  const auto module = Module::decode(bytes);
  return peak() - before;
}

Bytes with_section(const Bytes& section) {
  Bytes bytes = {0, 'a', 's', 'm', 1, 0, 0, 0};
  bytes.insert(bytes.end(), section.begin(), section.end());
  return bytes;
}

/// Claims of 2^32 - 1 locals, in one group or in many, and of as many elements of every section.
TEST(Bounds, ClaimsCostNothing) {
  constexpr std::size_t kNothing = 4096;
  for (const std::uint32_t groups : {1u, 2u, 9u}) {
    ModuleBuilder m;
    std::vector<wasm::test::Locals> locals;
    for (std::uint32_t i = 0; i < groups; ++i) {
      locals.push_back({0xffffffffu / groups, i % 2 == 0 ? kI32 : kF64});
    }
    m.function(m.type({}, {}), {}, locals);
    const Bytes bytes = m.build();
    EXPECT_LE(bytes.size(), 100u);
    const auto module = Module::decode(bytes);
    ASSERT_FALSE(module.has_value());
    EXPECT_EQ(module.error().rule, Rule::kLocalsLimit);
    EXPECT_LE(decode_peak(bytes), kNothing);
  }
  for (std::uint8_t id = 0; id <= 12; ++id) {
    const Bytes claim = with_section({id, 5, 0xff, 0xff, 0xff, 0xff, 0x0f});
    EXPECT_LE(decode_peak(claim), kNothing) << int{id};
  }
  // A table of branches, a vector of types of a `select`, a name, a segment.
  for (const Code& code :
       {Code(Opcode::kBrTable, 0xffffffff), Code(Opcode::kSelectTyped, 0xffffffff)}) {
    ModuleBuilder m;
    m.function(m.type({}, {}), Code::i32(0) + code);
    EXPECT_LE(decode_peak(m.build()), kNothing);
  }
  const Bytes export_name = with_section({7, 7, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 'a'});
  EXPECT_LE(decode_peak(export_name), kNothing);
}

/// What a module can do at most with one kind of thing, so many times.
struct Greedy {
  const char* what;
  void (*make)(ModuleBuilder& m, std::uint32_t count);
};
constexpr Greedy kGreedy[] = {
    {"calls with a thousand results",
     [](ModuleBuilder& m, std::uint32_t count) {
       const auto many = m.type({}, ModuleBuilder::Types(wasm::kMaxResults, kI32));
       const auto none = m.type({}, {});
       const auto f = m.import_function("", "", many);
       m.function(none, times(count, Code(Opcode::kCall, f)) + Opcode::kUnreachable);
     }},
    {"unreachable blocks with a thousand results",
     [](ModuleBuilder& m, std::uint32_t count) {
       const auto many = m.type({}, ModuleBuilder::Types(wasm::kMaxResults, kI32));
       const auto none = m.type({}, {});
       m.function(none,
                  Opcode::kUnreachable + times(count, Code(Opcode::kBlock, many) +
                                                          Opcode::kUnreachable + Opcode::kEnd));
     }},
    {"operands",
     [](ModuleBuilder& m, std::uint32_t count) {
       m.function(m.type({kI32}, {}), times(count, get(0)) + Opcode::kUnreachable);
     }},
    {"blocks",
     [](ModuleBuilder& m, std::uint32_t count) {
       m.function(m.type({}, {}),
                  times(count, Code::block(Opcode::kBlock)) + times(count, Opcode::kEnd));
     }},
    {"groups of locals",
     [](ModuleBuilder& m, std::uint32_t count) {
       std::vector<wasm::test::Locals> locals;
       for (std::uint32_t i = 0; i < count; ++i) locals.push_back({1, i % 2 == 0 ? kI32 : kF64});
       m.function(m.type({}, {}), {}, locals);
     }},
    {"functions",
     [](ModuleBuilder& m, std::uint32_t count) {
       const auto none = m.type({}, {});
       for (std::uint32_t i = 0; i < count; ++i) m.function(none, {});
     }},
    {"types",
     [](ModuleBuilder& m, std::uint32_t count) {
       for (std::uint32_t i = 0; i < count; ++i) m.type({}, {});
     }},
    {"imports",
     [](ModuleBuilder& m, std::uint32_t count) {
       const auto none = m.type({}, {});
       for (std::uint32_t i = 0; i < count; ++i) m.import_function("", "", none);
     }},
    {"tables",
     [](ModuleBuilder& m, std::uint32_t count) {
       for (std::uint32_t i = 0; i < count; ++i) m.table(0);
     }},
    {"globals",
     [](ModuleBuilder& m, std::uint32_t count) {
       for (std::uint32_t i = 0; i < count; ++i) m.global(kI32, Code::i32(0));
     }},
    {"exports",
     [](ModuleBuilder& m, std::uint32_t count) {
       m.table(0);
       for (std::uint32_t i = 0; i < count; ++i) {
         m.export_as(std::to_string(i), wasm::ExternKind::kTable, 0);
       }
     }},
    {"segments",
     [](ModuleBuilder& m, std::uint32_t count) {
       for (std::uint32_t i = 0; i < count; ++i) m.passive_data("");
     }},
    {"a deep constant",
     [](ModuleBuilder& m, std::uint32_t count) {
       m.global(kI32, times(count, Code::i32(0)) + times(count - 1, Opcode::kI32Add));
     }},
};

/// Memory stays in proportion to a module's bytes.
TEST(Bounds, DecodingTakesASmallMultipleOfTheModule) {
  for (const auto& [what, make] : kGreedy) {
    for (const std::uint32_t count : {1u, 30u, 1000u, 20000u}) {
      ModuleBuilder m;
      make(m, count);
      const Bytes bytes = m.build();
      const std::size_t taken = decode_peak(bytes);
      EXPECT_LE(taken, kBytesForNone + kBytesForEach * bytes.size())
          << what << ", " << count << ": " << taken << " bytes for " << bytes.size();
    }
  }
}

/// The code of a function can never be larger than `kMaxCodeBytes`, because its body is not: no
/// byte of it becomes more than so many.
TEST(Bounds, AByteBecomesNotMuchCode) {
  constexpr std::uint32_t kPieces = 2000;
  constexpr std::uint32_t kFar = 9000;
  const Code to_far = Code(Opcode::kLocalSet, kFar);
  struct Case {
    const char* what;
    Code code;
  };
  // Locals 1 and 2 are floats, which are pinned; function 0 is called.
  const Code pin = times(30, get(1) + get(2) + Opcode::kF64Mul + Code(Opcode::kLocalSet, 1));
  const Case cases[] = {
      {"calls around which pins are saved", pin + times(kPieces, Code(Opcode::kCall, 0))},
      {"selects of far values",
       times(2 * kPieces - 1, get(kFar)) + times(kPieces - 1, Opcode::kSelect) + to_far},
      {"sums of far values",
       times(kPieces, get(kFar)) + times(kPieces - 1, Opcode::kI32Add) + to_far},
      {"branches that take far values along",
       Code::block(Opcode::kBlock, kI32) + get(0) + get(kFar) + get(kFar) +
           times(kPieces, get(kFar) + Code(Opcode::kBrIf, 0)) + Opcode::kDrop + Opcode::kDrop +
           Opcode::kEnd + to_far},
      {"tables of branches with a stub each",
       times(kPieces, Code::block(Opcode::kBlock, kI32) + get(0) + get(0) + get(0) +
                          Code(Opcode::kBrTable, 1) + Code::raw({0, 0}) + Opcode::kEnd +
                          Opcode::kDrop)},
      {"constants in far slots", times(kPieces, Code::i32(1)) + times(kPieces, to_far)},
  };
  for (const std::uint32_t far_locals : {0u, kFar}) {
    for (const Case& c : cases) {
      ModuleBuilder m;
      m.function(m.type({}, {}), {});
      m.function(m.type({kI32}, {}), c.code, {{2, kF64}, {kFar, kI32}, {far_locals + 1, kI32}});
      const Bytes bytes = m.build();
      const auto module = Module::decode(bytes);
      ASSERT_TRUE(module.has_value()) << c.what << ": " << text(module.error().rule);
      wasm::EngineConfig config;
      config.memory = wasm::host_memory_provider();
      config.interruptible = true;
      const wasm::Engine engine(config);
      wasm::Store store(engine);
      wasm::Linker linker(store);
      wasm::FunctionCompiler compiler(**linker.instantiate(**module));
      ASSERT_TRUE(compiler.translate(1));
      const std::size_t code = compiler.code().words().size_bytes();
      const std::uint32_t body = (*module)->bodies()[1].code.size;
      EXPECT_LE(code, std::size_t{wasm::kMaxCodePerByte} * body)
          << c.what << ": " << code << " bytes of code for " << body;
    }
  }
}

}  // namespace
}  // namespace quoll::translation
