// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The same module is translated to the same code, wherever it and everything that it refers to lie
// in memory, and whenever it is done.
#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

#include <quoll/wasm/wasm.hpp>

#include "allocations.hpp"
#include "interpret/handlers.hpp"
#include "module_builder.hpp"
#include "translate/handler_numbers.hpp"

namespace quoll::translation {
namespace {

using wasm::AddressType;
using wasm::ExternKind;
using wasm::Module;
using wasm::Opcode;
using wasm::Translation;
using wasm::ValueType;
using wasm::test::Bytes;
using wasm::test::Code;
using wasm::test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF64 = ValueType::kF64;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}
Code set(std::uint32_t local) {
  return Code(Opcode::kLocalSet, local);
}

/// Every way in which code can name something: functions of its own, of the host and of another
/// instance, called, tail called, referred to; types, tables, memories, globals. Function 3, which
/// is exported, calls nobody.
Bytes module_of_names() {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 33;
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {kI32});
  const auto reference = m.type({}, {ValueType::kFuncRef});
  const auto none = m.type({}, {});
  const auto host = m.import_function("env", "host", unary);
  const auto foreign = m.import_function("env", "foreign", unary);
  m.table(4);
  m.table(4, AddressType::k64);
  m.memory(1);
  m.memory(1, AddressType::k64);
  m.global(kI64, Code::i64(1));
  m.global(ValueType::kV128, Code::v128(1, 2));
  m.passive_data("data");
  const auto refer = m.function(reference, Code(Opcode::kRefFunc, 3));
  const auto plain = m.function(unary, get(0) + Code::i32(1) + Opcode::kI32Add);
  m.export_as("plain", ExternKind::kFunction, plain);
  m.elements(0, {refer, plain, host, foreign});
  // References as constants: in a slot, a local, a pinned local, an argument, a condition.
  const Code keep = Code(Opcode::kRefFunc, plain) + set(0) + Code(Opcode::kRefFunc, host) + set(1);
  m.function(none,
             keep + Code::i32(0) + Code(Opcode::kRefFunc, plain) + Code(Opcode::kTableSet, 0) +
                 Code(Opcode::kRefFunc, plain) + Opcode::kRefIsNull + Opcode::kDrop +
                 Code(Opcode::kRefNull) + Code::raw({0x70}) + set(0) + get(0) + get(0) + get(0) +
                 get(1) + Opcode::kDrop + Opcode::kDrop + Opcode::kDrop + Opcode::kDrop,
             {{2, ValueType::kFuncRef}});
  // Calls, with locals that are pinned.
  m.function(m.type({kF64, kI32}, {kI32}),
             get(0) + get(0) + Opcode::kF64Mul + set(0) + get(0) + get(0) + Opcode::kF64Add +
                 Opcode::kDrop + Code::block(Opcode::kLoop) + get(1) + Code(Opcode::kCall, host) +
                 Code(Opcode::kCall, foreign) + Code(Opcode::kCall, plain) + Code::i32(1) +
                 Code(Opcode::kCallIndirect, unary, 0) + Code::i64(1) +
                 Code(Opcode::kCallIndirect, unary, 1) + set(1) + get(1) + Code::i32(9) +
                 Opcode::kI32LtU + Code(Opcode::kBrIf, 0) + Opcode::kEnd + get(1));
  for (const std::uint32_t callee : {host, foreign, plain}) {
    m.function(unary, get(0) + Code(Opcode::kReturnCall, callee));
  }
  m.function(unary, get(0) + get(0) + Code(Opcode::kReturnCallIndirect, unary, 0));
  // Memories and globals.
  m.function(none, Code::i64(8) + Code::access(Opcode::kI32Load, 1, 4) + Opcode::kDrop +
                       Code::i64(8) + Code::i32(7) + Code::access(Opcode::kI32Store8, 1, 4) +
                       Code::i64(8) + Code::access(Opcode::kV128Load, 1, kFar) +
                       Code(Opcode::kGlobalSet, 1) + Code::i64(8) + Code(Opcode::kGlobalGet, 1) +
                       Code::access(Opcode::kV128Store, 1, 0) + Code(Opcode::kGlobalGet, 0) +
                       Code::i64(1) + Opcode::kI64Add + Code(Opcode::kGlobalSet, 0));
  m.function(none, Code::i64(0) + Code::i32(0) + Code::i32(4) + Code(Opcode::kMemoryInit, 0, 1) +
                       Code::i64(0) + Code::i32(0) + Code::i32(4) +
                       Code(Opcode::kMemoryCopy, 1, 0) + Code::i64(1) +
                       Code(Opcode::kMemoryGrow, 1) + Opcode::kDrop + Code::i32(0) + Code::i64(0) +
                       Code::i32(1) + Code(Opcode::kTableCopy, 0, 1) + Code(Opcode::kTableSize, 1) +
                       Opcode::kDrop);
  return m.build();
}

/// What else decides about code: frames that need moves, tables of branches, comparisons that
/// branches take over, vectors.
Bytes module_of_forms() {
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {kI32});
  m.memory(1);
  for (const std::uint32_t locals : {1u, 9000u}) {
    Code code = Code::i32(5) + set(locals);
    for (int i = 0; i < 3; ++i) code += Code::block(Opcode::kBlock, kI32);
    code += get(locals) + get(0) + Code(Opcode::kBrTable, 2) + Code::raw({0, 1, 2});
    for (int i = 0; i < 3; ++i) code += Opcode::kEnd;
    code += get(0) + Code::i32(70000) + Opcode::kI32LtS + Code::block(Opcode::kIf) + get(0) +
            Opcode::kI32x4Splat + get(0) + Opcode::kI32x4Splat + Opcode::kI32x4Add +
            Opcode::kV128AnyTrue + set(locals) + Opcode::kEnd;
    m.function(unary, code, {{locals, kI32}});
  }
  return m.build();
}

/// A store in which a module is instantiated beside another one.
class Sandbox {
 public:
  Sandbox(const Bytes& bytes, Translation translation)
      : bytes_(bytes), engine_(config(translation)) {
    static constexpr ValueType kTypes[] = {kI32};
    const auto nothing = [](void*, wasm::Instance&, std::uint64_t*) {
      return wasm::HostOutcome::ok();
    };
    ModuleBuilder m;
    m.export_as("foreign", ExternKind::kFunction, m.function(m.type({kI32}, {kI32}), get(0)));
    foreign_bytes_ = m.build();
    foreign_ = std::move(Module::decode(foreign_bytes_)).value();
    auto module = Module::decode(bytes_);
    if (!module) ADD_FAILURE() << text(module.error().rule) << " at " << module.error().offset;
    module_ = std::move(module).value();
    EXPECT_TRUE(linker_.define_function("env", "host", {kTypes, kTypes}, {nothing, nullptr}));
    const auto foreign = linker_.instantiate(*foreign_);
    EXPECT_TRUE(linker_.define_instance("env", **foreign));
    auto instance = linker_.instantiate(*module_);
    if (!instance) ADD_FAILURE() << text(instance.error().rule) << " " << instance.error().name;
    instance_ = *instance;
  }
  wasm::Instance& instance() { return *instance_; }
  wasm::Store& store() { return store_; }

  std::uint64_t hash() {
    const auto found = translation_hash(*instance_);
    if (!found) ADD_FAILURE() << text(found.error());
    return found ? *found : 0;
  }

 private:
  static wasm::EngineConfig config(Translation translation) {
    wasm::EngineConfig out;
    out.memory = wasm::host_memory_provider();
    out.translation = translation;
    return out;
  }

  Bytes bytes_;
  wasm::Engine engine_;
  wasm::Store store_{engine_};
  wasm::Linker linker_{store_};
  Bytes foreign_bytes_;
  std::unique_ptr<Module> foreign_;
  std::unique_ptr<Module> module_;
  wasm::Instance* instance_ = nullptr;
};

std::uint64_t hash_of(const Bytes& bytes, Translation translation = Translation::kOnFirstCall) {
  return Sandbox(bytes, translation).hash();
}

TEST(TranslationHash, IsTheSameWhereverThingsLie) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const Bytes& bytes : {module_of_names(), module_of_forms()}) {
    const std::uint64_t expected = hash_of(bytes);
    std::vector<std::unique_ptr<std::byte[]>> between;
    std::vector<std::unique_ptr<Sandbox>> kept;
    for (int round = 0; round < 8; ++round) {
      for (unsigned i = 0; i < 100; ++i) between.emplace_back(new std::byte[random() % 4096 + 1]);
      for (unsigned i = 0; i < 50; ++i) between[random() % between.size()].reset();
      kept.push_back(std::make_unique<Sandbox>(bytes, Translation::kOnFirstCall));
      EXPECT_EQ(kept.back()->hash(), expected) << round;
    }
  }
}

/// There an address looks like a number that is small enough to stand inside of a cell.
TEST(TranslationHash, IsTheSameBelowTwoGigabytes) {
  for (const Bytes& bytes : {module_of_names(), module_of_forms()}) {
    const std::uint64_t expected = hash_of(bytes);
    allocate(Place::kLow);
    EXPECT_EQ(hash_of(bytes), expected);
    allocate(Place::kAnywhere);
  }
}

TEST(TranslationHash, IsTheSameOnTheFirstCallAndAtOnce) {
  for (const Bytes& bytes : {module_of_names(), module_of_forms()}) {
    Sandbox lazy(bytes, Translation::kOnFirstCall);
    const std::uint64_t untouched = lazy.hash();
    if (lazy.instance().find_function("plain") != nullptr) {
      wasm::Value result[1];
      ASSERT_TRUE(
          lazy.instance().invoke("plain", std::vector{wasm::Value::i32(1)}, result).returned());
      EXPECT_EQ(result[0].as_i32(), 2u);
    }
    EXPECT_EQ(lazy.hash(), untouched) << "what has run is what would be translated now";
    EXPECT_EQ(hash_of(bytes, Translation::kAtInstantiation), untouched);
  }
}

/// It would be no use if it did not tell one module from another.
TEST(TranslationHash, DiffersWithTheCode) {
  std::vector<std::uint64_t> found;
  const auto add = [&](const Code& code, const std::vector<wasm::test::Locals>& locals = {}) {
    ModuleBuilder m;
    m.table(2);
    m.table(2);
    m.global(kI32, Code::i32(0));
    m.global(kI32, Code::i32(0));
    const auto unary = m.type({kI32}, {kI32});
    const auto one = m.function(unary, get(0));
    const auto two = m.function(unary, get(0));
    m.type({kI32, kI32}, {kI32});
    m.elements(0, {one, two});
    m.function(unary, code, locals);
    found.push_back(hash_of(m.build()));
  };
  add(get(0));
  add(get(0), {{1, kI32}});
  add(get(0) + Code::i32(1) + Opcode::kI32Add);
  add(get(0) + Code::i32(2) + Opcode::kI32Add);
  add(get(0) + Code::i32(2) + Opcode::kI32Sub);
  add(get(0) + Code(Opcode::kCall, 0));
  add(get(0) + Code(Opcode::kCall, 1));
  add(Code(Opcode::kRefFunc, 0) + Opcode::kRefIsNull);
  add(Code(Opcode::kRefFunc, 1) + Opcode::kRefIsNull);
  add(Code(Opcode::kGlobalGet, 0));
  add(Code(Opcode::kGlobalGet, 1));
  add(get(0) + get(0) + Code(Opcode::kCallIndirect, 0, 0));
  add(get(0) + get(0) + Code(Opcode::kCallIndirect, 0, 1));
  add(get(0) + get(0) + get(0) + Code(Opcode::kCallIndirect, 1, 0));
  // The same cells, but an instruction that can trap stands elsewhere.
  add(get(0) + get(0) + Opcode::kI32DivS);
  add(get(0) + get(0) + Code(Opcode::kNop) + Opcode::kI32DivS);
  std::ranges::sort(found);
  EXPECT_EQ(std::ranges::adjacent_find(found), found.end());
}

TEST(HandlerNumbers, AreOneForEachHandler) {
  wasm::HandlerNumbers numbers;
  ASSERT_TRUE(numbers.build());
  EXPECT_GT(numbers.size(), 2000u);
  EXPECT_FALSE(numbers.find(0));
  // In the order of the list: the first parameter counts most.
  const auto number = [&](wasm::Handler handler) {
    return numbers.find(std::bit_cast<std::uint64_t>(handler)).value_or(0xffffffffu);
  };
  using wasm::Operand;
  using wasm::Operation;
  using wasm::Width;
  const auto binary = [&](Operation op, Width width, Operand d) {
    return number(wasm::handlers::int_binary(op, width, Operand::kSlot, Operand::kSlot, d));
  };
  const std::uint32_t add = binary(Operation::kAdd, Width::k32, Operand::kSlot);
  EXPECT_EQ(binary(Operation::kAdd, Width::k32, Operand::kPin1) - add, 4u);
  EXPECT_EQ(binary(Operation::kAdd, Width::k64, Operand::kSlot) - add, 125u);
  EXPECT_EQ(binary(Operation::kSub, Width::k32, Operand::kSlot) - add, 250u);
}

}  // namespace
}  // namespace quoll::translation
