// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Two stores, and what belongs to one of them offered to the other: refused at every door.
#include <gtest/gtest.h>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kFuncRef = ValueType::kFuncRef;

/// Exports one thing of each kind, a function that gives back its reference, and one that calls the
/// host for a reference and says whether it is null.
Bytes everything() {
  ModuleBuilder m;
  const auto pass = m.type({kFuncRef}, {kFuncRef});
  const auto give = m.type({}, {kFuncRef});
  const auto host = m.import_function("env", "give", give);
  m.table(1);
  m.memory(1);
  m.global(kFuncRef, Code(Opcode::kRefNull) + Code::raw({0x70}));
  m.export_as("f", ExternKind::kFunction, m.function(pass, Code(Opcode::kLocalGet, 0)));
  m.export_as("ask", ExternKind::kFunction,
              m.function(m.type({}, {kI32}), Code(Opcode::kCall, host) + Opcode::kRefIsNull));
  m.export_as("table", ExternKind::kTable, 0);
  m.export_as("memory", ExternKind::kMemory, 0);
  m.export_as("global", ExternKind::kGlobal, 0);
  return m.build();
}

/// A host function that gives whatever it is told to, at once or later.
struct Giver {
  Value value = Value::funcref(nullptr);
  bool later = false;
  static HostOutcome call(void* self, Instance&, std::uint64_t* slots) {
    const auto& giver = *static_cast<Giver*>(self);
    slots[0] = giver.value.bits();
    return giver.later ? HostOutcome::suspended() : HostOutcome::ok();
  }
};

struct Sandbox {
  Sandbox() : guest(everything()) {
    const FuncType type{{}, kTypes};
    EXPECT_TRUE(guest.linker().define_function("env", "give", type, {&Giver::call, &giver}));
  }
  Instance& instance() { return guest.instance(); }
  Value function() { return Value::funcref(instance().find_function("f")); }

  static constexpr ValueType kTypes[] = {kFuncRef};
  Giver giver;
  test::Guest guest;
};

TEST(Stores, AcceptImportsOfTheirOwnOnly) {
  Sandbox own;
  Sandbox other;
  for (const char* name : {"f", "table", "memory", "global"}) {
    const Extern value = *other.instance().find_export(name);
    ModuleBuilder m;
    switch (value.kind) {
      case ExternKind::kFunction:
        m.import_function("env", name, m.type({kFuncRef}, {kFuncRef}));
        break;
      case ExternKind::kTable:
        m.import_table("env", name, 1);
        break;
      case ExternKind::kMemory:
        m.import_memory("env", name, 1);
        break;
      case ExternKind::kGlobal:
        m.import_global("env", name, kFuncRef, Mutability::kVar);
        break;
    }
    const Bytes bytes = m.build();
    const auto module = Module::decode(bytes);
    ASSERT_TRUE(module.has_value());
    ASSERT_TRUE(own.guest.linker().define("env", name, value));
    const auto refused = own.guest.linker().instantiate(**module);
    ASSERT_FALSE(refused.has_value()) << name;
    EXPECT_EQ(refused.error().rule, LinkRule::kForeignStore) << name;
    ASSERT_TRUE(own.guest.linker().define("env", name, *own.instance().find_export(name)));
    EXPECT_TRUE(own.guest.linker().instantiate(**module).has_value()) << name;
  }
}

TEST(Stores, CallFunctionsOfTheirOwnOnly) {
  Sandbox own;
  Sandbox other;
  Func& f = *own.instance().find_function("f");
  Func& foreign = *other.instance().find_function("f");
  Execution& thread = *own.guest.store().execution();
  Value result[1];
  const auto kind = [&](Func& func, const Value& argument, Instance* caller = nullptr) {
    return thread.call(func, std::span(&argument, 1), result, caller).kind;
  };
  EXPECT_EQ(kind(f, own.function()), Outcome::Kind::kReturned);
  EXPECT_EQ(result[0].as_funcref(), &f);
  EXPECT_EQ(kind(f, Value::funcref(nullptr)), Outcome::Kind::kReturned);
  EXPECT_EQ(kind(foreign, Value::funcref(nullptr)), Outcome::Kind::kRefused);
  EXPECT_EQ(kind(f, other.function()), Outcome::Kind::kRefused);
  EXPECT_EQ(kind(f, own.function(), &other.instance()), Outcome::Kind::kRefused);
  EXPECT_EQ(kind(f, own.function(), &own.instance()), Outcome::Kind::kReturned);
}

TEST(Stores, KeepFunctionsOfTheirOwnOnly) {
  Sandbox own;
  Sandbox other;
  Table& table = *own.instance().find_table("table");
  Global& global = *own.instance().find_global("global");
  Store& store = own.guest.store();
  const TableType one{kFuncRef, {1, 1, true}};
  const GlobalType constant{kFuncRef, Mutability::kConst};
  EXPECT_FALSE(table.set(0, other.function()));
  EXPECT_EQ(table.grow(1, other.function()), -1);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.get(0).is_null());
  EXPECT_FALSE(global.set(other.function()));
  EXPECT_EQ(store.create_table(one, other.function()), nullptr);
  EXPECT_EQ(store.create_global(constant, other.function()), nullptr);
  EXPECT_FALSE(table.set(1, own.function())) << "there is no such element";
  EXPECT_FALSE(table.set(0, Value::i64(0))) << "another type";
  EXPECT_EQ(table.grow(1, Value::externref(0)), -1) << "another type";

  EXPECT_TRUE(table.set(0, own.function()));
  EXPECT_EQ(table.grow(1, own.function()), 1);
  EXPECT_TRUE(global.set(own.function()));
  EXPECT_NE(store.create_table(one, own.function()), nullptr);
  EXPECT_NE(store.create_global(constant, own.function()), nullptr);
}

TEST(Stores, TakeFunctionsOfTheirOwnFromTheHostOnly) {
  Sandbox own;
  Sandbox other;
  const std::uint32_t ask = own.guest.module().find_export("ask")->index;
  own.instance();
  own.giver.value = own.function();
  EXPECT_EQ(own.guest.value(ask).as_i32(), 0u);
  own.giver.value = other.function();
  const WasmTrap trap = own.guest.trap(ask);
  EXPECT_EQ(trap.kind, TrapKind::kHostError);
  EXPECT_EQ(trap.function_index, ask);
  EXPECT_EQ(trap.byte_offset, own.guest.module().bodies()[ask - 1].code.offset + 1);
  // The same for one that comes later.
  own.giver.later = true;
  for (const bool foreign : {true, false}) {
    EXPECT_EQ(own.guest.call(ask, {}).kind, Outcome::Kind::kSuspended);
    Execution& thread = *own.guest.store().execution();
    thread.pending_slots()[0] = (foreign ? other : own).function().bits();
    Value result[1];
    const Outcome outcome = thread.resume(result);
    EXPECT_EQ(outcome.kind, foreign ? Outcome::Kind::kTrapped : Outcome::Kind::kReturned);
    if (foreign) {
      EXPECT_EQ(outcome.trap.kind, TrapKind::kHostError);
      EXPECT_EQ(outcome.trap.function_index, ask);
    }
  }
}

}  // namespace
}  // namespace quoll::wasm
