// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Instances that share functions, memories and tables, and what linking refuses.
#include <gtest/gtest.h>
#include <memory>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;

/// Exports a memory, a function that reads its first word and one that grows it.
Bytes library() {
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  m.memory(1);
  const auto first = m.function(get, Code::i32(0) + Code(Opcode::kI32Load, 0, 0));
  const auto grow = m.function(get, Code::i32(1) + Code(Opcode::kMemoryGrow, 0));
  m.export_as("first", ExternKind::kFunction, first);
  m.export_as("grow", ExternKind::kFunction, grow);
  m.export_as("memory", ExternKind::kMemory, 0);
  m.data(0, std::string_view("\x2a\0\0\0", 4));
  return m.build();
}

TEST(Linker, ACallIntoAnotherInstanceUsesItsMemoryAndComesBack) {
  const Bytes library_bytes = library();
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  const auto imported = m.import_function("lib", "first", get);
  m.memory(1);
  m.table(2);
  m.elements(0, {imported});
  m.data(0, std::string_view("\x01\0\0\0", 4));
  const Code own = Code::i32(0) + Code(Opcode::kI32Load, 0, 0);
  const auto direct = m.function(get, Code(Opcode::kCall, imported) + own + Opcode::kI32Add);
  const auto indirect =
      m.function(get, Code::i32(0) + Code(Opcode::kCallIndirect, get, 0) + own + Opcode::kI32Add);
  test::Guest guest(m.build());
  const auto module = Module::decode(library_bytes);
  ASSERT_TRUE(module.has_value());
  const auto lib = Linker(guest.store()).instantiate(**module);
  ASSERT_TRUE(lib.has_value());
  ASSERT_TRUE(guest.linker().define_instance("lib", **lib));
  EXPECT_EQ(guest.value(direct).as_i32(), 43u);
  EXPECT_EQ(guest.value(indirect).as_i32(), 43u);
}

TEST(Linker, AMemoryThatAnotherInstanceGrewIsSeen) {
  const Bytes library_bytes = library();
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  const auto grow = m.import_function("lib", "grow", get);
  m.import_memory("lib", "memory", 1);
  const auto f = m.function(get, Code(Opcode::kCall, grow) + Opcode::kDrop +
                                     Code::i32(static_cast<std::int32_t>(kWasmPageSize)) +
                                     Code(Opcode::kI32Load, 0, 0) + Code(Opcode::kMemorySize, 0) +
                                     Opcode::kI32Add);
  test::Guest guest(m.build());
  const auto module = Module::decode(library_bytes);
  ASSERT_TRUE(module.has_value());
  const auto lib = Linker(guest.store()).instantiate(**module);
  ASSERT_TRUE(guest.linker().define_instance("lib", **lib));
  EXPECT_EQ(guest.value(f).as_i32(), 2u);
}

TEST(Linker, ATrapInAnotherInstanceNamesItsFunction) {
  ModuleBuilder l;
  const auto none = l.type({}, {});
  const auto bad = l.function(none, Opcode::kUnreachable);
  l.export_as("bad", ExternKind::kFunction, bad);
  const Bytes library_bytes = l.build();
  ModuleBuilder m;
  const auto imported = m.import_function("lib", "bad", m.type({}, {}));
  const auto f = m.function(0, Code(Opcode::kCall, imported));
  test::Guest guest(m.build());
  const auto module = Module::decode(library_bytes);
  const auto lib = Linker(guest.store()).instantiate(**module);
  ASSERT_TRUE(guest.linker().define_instance("lib", **lib));
  const WasmTrap trap = guest.trap(f);
  EXPECT_EQ(trap.kind, TrapKind::kUnreachable);
  EXPECT_EQ(trap.function_index, bad);
  EXPECT_EQ(library_bytes[trap.byte_offset], 0x00);
}

TEST(Linker, RefusesObjectsOfAnotherStore) {
  const Bytes library_bytes = library();
  test::Guest other(library_bytes);
  ModuleBuilder m;
  m.import_memory("lib", "memory", 1);
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  const Engine engine(test::host_config());
  Store store(engine);
  Linker linker(store);
  ASSERT_TRUE(linker.define_instance("lib", other.instance()));
  const auto instance = linker.instantiate(**module);
  ASSERT_FALSE(instance.has_value());
  EXPECT_EQ(instance.error().rule, LinkRule::kForeignStore);
  EXPECT_EQ(instance.error().name, "memory");
}

TEST(Linker, RefusesUnknownAndIncompatibleImports) {
  ModuleBuilder m;
  m.import_function("env", "f", m.type({}, {kI32}));
  test::Guest guest(m.build());
  auto instance = guest.linker().instantiate(guest.module());
  ASSERT_FALSE(instance.has_value());
  EXPECT_EQ(instance.error().rule, LinkRule::kUnknownImport);
  EXPECT_EQ(instance.error().module, "env");
  const auto nothing = [](void*, Instance&, std::uint64_t*) { return HostOutcome::ok(); };
  ASSERT_TRUE(guest.linker().define_function("env", "f", {}, {nothing, nullptr}));
  instance = guest.linker().instantiate(guest.module());
  ASSERT_FALSE(instance.has_value());
  EXPECT_EQ(instance.error().rule, LinkRule::kIncompatibleImport);
}

TEST(Linker, AResolverSuppliesFunctions) {
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  const auto imported = m.import_function("env", "seven", get);
  const auto f = m.function(get, Code(Opcode::kCall, imported));
  test::Guest guest(m.build());
  guest.linker().set_resolver(
      [](void*, const Import& import, const FuncType&, HostFunction& out) {
        out.call = [](void*, Instance&, std::uint64_t* slots) {
          slots[0] = 7;
          return HostOutcome::ok();
        };
        return import.name == "seven";
      },
      nullptr);
  EXPECT_EQ(guest.value(f).as_i32(), 7u);
}

TEST(Instantiation, AStartFunctionRunsUnlessDeferred) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  m.start(m.function(none, Opcode::kUnreachable));
  test::Guest guest(m.build());
  const auto refused = guest.linker().instantiate(guest.module());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().rule, LinkRule::kInitialisation);
  EXPECT_EQ(refused.error().outcome.trap.kind, TrapKind::kUnreachable);
  const auto deferred = guest.linker().instantiate(guest.module(), StartMode::kDefer);
  ASSERT_TRUE(deferred.has_value());
  EXPECT_NE((*deferred)->start_function(), nullptr);
}

TEST(Instantiation, SegmentsOutOfBoundsAreATrap) {
  ModuleBuilder m;
  m.memory(1);
  m.data(static_cast<std::int32_t>(kWasmPageSize) - 1, "ab");
  test::Guest guest(m.build());
  const auto instance = guest.linker().instantiate(guest.module());
  ASSERT_FALSE(instance.has_value());
  EXPECT_EQ(instance.error().outcome.trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
}

TEST(Instantiation, TranslatingEverythingGivesTheSame) {
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  const auto f = m.function(get, Code::i32(5));
  EngineConfig config = test::host_config();
  config.translation = Translation::kAtInstantiation;
  test::Guest guest(m.build(), config);
  EXPECT_EQ(guest.value(f).as_i32(), 5u);
}

TEST(Table, IndirectCallsCheckIndexElementAndType) {
  ModuleBuilder m;
  const auto get = m.type({}, {kI32});
  const auto other = m.type({}, {});
  const auto five = m.function(get, Code::i32(5));
  const auto nothing = m.function(other, {});
  const auto call = m.function(m.type({kI32}, {kI32}),
                               Code(Opcode::kLocalGet, 0) + Code(Opcode::kCallIndirect, get, 0));
  m.table(4);
  m.elements(1, {five, nothing});
  test::Guest guest(m.build());
  EXPECT_EQ(guest.value(call, {Value::i32(1)}).as_i32(), 5u);
  EXPECT_EQ(guest.trap(call, {Value::i32(0)}).kind, TrapKind::kUninitializedElement);
  EXPECT_EQ(guest.trap(call, {Value::i32(2)}).kind, TrapKind::kIndirectCallTypeMismatch);
  EXPECT_EQ(guest.trap(call, {Value::i32(4)}).kind, TrapKind::kUndefinedElement);
  EXPECT_EQ(guest.trap(call, {Value::i32(0xffffffff)}).kind, TrapKind::kUndefinedElement);
}

}  // namespace
}  // namespace quoll::wasm
