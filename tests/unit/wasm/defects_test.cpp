// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Faults that other engines had, one test each; README.md has the classes and the tests elsewhere.
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <vector>

#include "accesses.hpp"
#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF64 = ValueType::kF64;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}

/// Memories between two pages that nobody may touch.
MemoryProvider guarded_memory() {
  constexpr std::uint64_t kGuard = kWasmPageSize;
  MemoryProvider provider;
  provider.reserve = [](void*, std::uint64_t bytes) -> std::uint8_t* {
    void* const all = mmap(nullptr, bytes + 2 * kGuard, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return all == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(all) + kGuard;
  };
  provider.commit = [](void*, std::uint8_t* base, std::uint64_t old_bytes,
                       std::uint64_t new_bytes) {
    return mprotect(base + old_bytes, new_bytes - old_bytes, PROT_READ | PROT_WRITE) == 0;
  };
  provider.release = [](void*, std::uint8_t* base, std::uint64_t bytes) {
    munmap(base - kGuard, bytes + 2 * kGuard);
  };
  return provider;
}

/// A fault of the machine would end the program.
TEST(KnownDefects, WasmAccessesAreNoWiderThanAsked) {
  EngineConfig config = test::host_config();
  config.memory = guarded_memory();
  for (const std::uint16_t index : test::accesses()) {
    const OpcodeInfo& op = kOpcodes[index];
    const auto opcode = static_cast<Opcode>(index);
    for (const std::uint32_t memory : {0u, 1u}) {
      for (const AddressType address : {AddressType::k32, AddressType::k64}) {
        const ValueType type = value_type(address);
        ModuleBuilder m;
        if (memory == 1) m.memory(1, AddressType::k32, 1);
        m.memory(1, address, 1);
        const auto f = m.function(m.type({type}, {}), get(0) + test::access_value(op) +
                                                          Code::access(opcode, memory, 0) +
                                                          test::after_access(op));
        test::Guest guest(m.build(), config);
        std::span<std::uint8_t> bytes = guest.instance().memory(memory).bytes();
        std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xa5});
        const std::uint64_t last = kWasmPageSize - test::width_of(op);
        for (const std::uint64_t at : {last, std::uint64_t{0}}) {
          EXPECT_TRUE(guest.call(f, {Value::from_bits(type, at)}).returned()) << op.text;
        }
        // A store touches what it is as wide as, at either end.
        for (std::uint64_t i = test::width_of(op); i < last; ++i) ASSERT_EQ(bytes[i], 0xa5) << i;
        if (op.result_count == 0) {
          EXPECT_NE(bytes[0], 0xa5) << op.text;
        }
      }
    }
  }
}

/// A table has elements, not bytes: more than 256, imported or its own.
TEST(KnownDefects, WasmTableIndicesCountElements) {
  constexpr std::uint32_t kElements = 300;
  ModuleBuilder m;
  m.import_table("env", "table", kElements);
  m.table(kElements);
  const auto unary = m.type({kI32}, {kI32});
  std::vector<std::uint32_t> functions;
  for (std::uint32_t i = 0; i < kElements; ++i) {
    functions.push_back(m.function(unary, Code::i32(static_cast<std::int32_t>(1000 + i))));
  }
  m.elements(0, functions);
  for (const std::uint32_t table : {0u, 1u}) {
    const std::string suffix = std::to_string(table);
    m.export_as("call" + suffix, ExternKind::kFunction,
                m.function(unary, get(0) + get(0) + Code(Opcode::kCallIndirect, unary, table)));
  }
  m.export_as("copy", ExternKind::kFunction,
              m.function(unary, Code::i32(1) + get(0) + Code::i32(kElements - 1) +
                                    Code(Opcode::kTableCopy, 1, 0) + Code::i32(0)));
  m.export_as("copy_to", ExternKind::kFunction,
              m.function(unary, get(0) + Code::i32(0) + Code::i32(1) +
                                    Code(Opcode::kTableCopy, 1, 0) + Code::i32(0)));
  test::Guest guest(m.build());
  Table* const table = guest.store().create_table({ValueType::kFuncRef, {kElements, 0, false}},
                                                  Value::funcref(nullptr));
  ASSERT_NE(table, nullptr);
  ASSERT_TRUE(guest.linker().define("env", "table", Extern::of(table)));
  const auto index = [&](const char* name) { return guest.module().find_export(name)->index; };
  for (const std::uint32_t i : {0u, 31u, 32u, 37u, 255u, 256u, kElements - 1}) {
    EXPECT_EQ(guest.value(index("call0"), {Value::i32(i)}).as_i32(), 1000 + i);
    EXPECT_EQ(guest.trap(index("call1"), {Value::i32(i)}).kind, TrapKind::kUninitializedElement);
  }
  EXPECT_EQ(guest.trap(index("call0"), {Value::i32(kElements)}).kind, TrapKind::kUndefinedElement);
  guest.value(index("copy"), {Value::i32(0)});
  EXPECT_EQ(guest.value(index("call1"), {Value::i32(kElements - 1)}).as_i32(), 998 + kElements);
  EXPECT_EQ(guest.trap(index("call1"), {Value::i32(0)}).kind, TrapKind::kUninitializedElement);
  EXPECT_EQ(guest.trap(index("copy"), {Value::i32(2)}).kind, TrapKind::kOutOfBoundsTableAccess);
  EXPECT_EQ(guest.trap(index("copy_to"), {Value::i32(kElements)}).kind,
            TrapKind::kOutOfBoundsTableAccess);
  // The imported table may grow beyond what was asked for; what it gains is its own.
  EXPECT_EQ(table->grow(1, Value::funcref(&guest.instance().function(functions[5]))), kElements);
  EXPECT_EQ(guest.value(index("call0"), {Value::i32(kElements)}).as_i32(), 1005u);
  EXPECT_EQ(guest.trap(index("call1"), {Value::i32(kElements)}).kind, TrapKind::kUndefinedElement);
}

/// A frame lies where another function's lay: nothing of that is seen.
TEST(KnownDefects, WasmLocalsOfAReusedStackAreZero) {
  constexpr std::uint32_t kLocals = 60;
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto number = m.type({}, {kI64});
  Code fill;
  for (std::uint32_t i = 0; i < kLocals; ++i) fill += Code::i64(-1) + Code(Opcode::kLocalSet, i);
  Code sum = Code::i64(0);
  for (std::uint32_t i = 0; i < kLocals; ++i) sum += get(i) + Opcode::kI64Or;
  const auto dirty = m.function(none, fill, {{kLocals, kI64}});
  const auto narrow = m.function(number, sum, {{kLocals, kI64}});
  const auto wide = m.function(number, sum, {{9000, kI64}});
  Code floats = Code::constant(kF64, 0);
  for (std::uint32_t i = 0; i < kLocals; ++i) floats += get(i) + Opcode::kF64Add;
  const auto pinned = m.function(number, floats + Opcode::kI64ReinterpretF64, {{kLocals, kF64}});
  test::Guest guest(m.build());
  for (const std::uint32_t f : {narrow, wide, pinned}) {
    ASSERT_TRUE(guest.call(dirty, {}).returned());
    EXPECT_EQ(guest.value(f).as_i64(), 0u);
  }
}

/// Pages that a memory gains are zero, also where another instance's memory lay.
TEST(KnownDefects, WasmGrownMemoryIsZero) {
  for (int round = 0; round < 3; ++round) {
    ModuleBuilder m;
    m.memory(0);
    m.function(m.type({kI32}, {kI32}), get(0) + Code(Opcode::kMemoryGrow, 0));
    test::Guest guest(m.build());
    for (std::uint32_t pages = 0; pages < 4; ++pages) {
      ASSERT_EQ(guest.value(0, {Value::i32(1)}).as_i32(), pages);
      std::span<std::uint8_t> bytes =
          guest.instance().memory()->bytes().subspan(pages * kWasmPageSize);
      for (std::uint8_t& byte : bytes) {
        ASSERT_EQ(byte, 0);
        byte = 0xaa;
      }
    }
  }
}

/// Blocks of several values inside of each other: each sees its own, and no more.
TEST(KnownDefects, WasmNestedBlockTypesKeepTheirHeights) {
  ModuleBuilder m;
  const auto swap = m.type({kI32, kI64}, {kI64, kI32});
  const auto back = m.type({kI64, kI32}, {kI32, kI64});
  const auto block = [](Opcode opcode, std::uint32_t type) { return Code(opcode, type); };
  const auto exchange = [](std::uint32_t a, std::uint32_t b) {
    // The two values on the stack in the other order, by two locals.
    return Code(Opcode::kLocalSet, b) + Code(Opcode::kLocalSet, a) + get(b) + get(a);
  };
  const Code inner = block(Opcode::kLoop, back) + exchange(1, 0) + Opcode::kEnd;
  const Code body = get(0) + get(1) + block(Opcode::kBlock, swap) + exchange(0, 1) + inner +
                    Code(Opcode::kLocalSet, 1) + Code(Opcode::kLocalSet, 0) + get(1) + get(0) +
                    Opcode::kEnd;
  const auto f = m.function(swap, body);
  test::Guest guest(m.build());
  std::vector<Value> results;
  ASSERT_TRUE(guest.call(f, {Value::i32(5), Value::i64(1ull << 40)}, &results).returned());
  EXPECT_EQ(results[0].as_i64(), 1ull << 40);
  EXPECT_EQ(results[1].as_i32(), 5u);

  const auto refused = [&](const Code& code) {
    ModuleBuilder bad;
    bad.type({kI32, kI64}, {kI64, kI32});
    bad.type({kI64, kI32}, {kI32, kI64});
    bad.function(0, code);
    const auto module = Module::decode(bad.build());
    EXPECT_FALSE(module.has_value());
    return module ? Rule::kOutOfMemory : module.error().rule;
  };
  const Code values = get(0) + get(1);
  EXPECT_EQ(refused(values + block(Opcode::kBlock, 1) + Opcode::kEnd), Rule::kTypeMismatch)
      << "parameters in another order";
  EXPECT_EQ(refused(values + block(Opcode::kBlock, 0) + Opcode::kEnd), Rule::kTypeMismatch)
      << "results in another order";
  EXPECT_EQ(refused(values + values + block(Opcode::kBlock, 0) + Opcode::kDrop + Opcode::kDrop +
                    Opcode::kDrop + Opcode::kDrop + get(1) + get(0) + Opcode::kEnd),
            Rule::kTypeMismatch)
      << "what lies below the block";
  EXPECT_EQ(refused(values + block(Opcode::kBlock, 2) + Opcode::kEnd), Rule::kUnknownType);
  EXPECT_EQ(refused(get(0) + block(Opcode::kLoop, 0) + Opcode::kEnd), Rule::kTypeMismatch);
}

}  // namespace
}  // namespace quoll::wasm
