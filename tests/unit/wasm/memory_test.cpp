// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Loads and stores at the edges of a memory.
#include <gtest/gtest.h>
#include <vector>

#include "accesses.hpp"
#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Code;
using test::ModuleBuilder;

class EveryAccess : public testing::TestWithParam<std::uint16_t> {};

/// An access with a dynamic address, and with a constant one, for a memory of one page.
TEST_P(EveryAccess, IsExactAtTheLastByte) {
  const OpcodeInfo& op = kOpcodes[GetParam()];
  const auto opcode = static_cast<Opcode>(GetParam());
  const std::uint64_t width = test::width_of(op);
  const std::uint64_t size = kWasmPageSize;
  struct Case {
    std::uint64_t address;
    std::uint64_t offset;
  };
  std::vector<Case> cases;
  for (const std::uint64_t end : {size - 1, size, size + 1, size + 8}) {
    const std::uint64_t start = end - width;
    cases.push_back({start, 0});
    cases.push_back({0, start});
    cases.push_back({start - 5, 5});
  }
  for (const std::uint64_t far : {std::uint64_t{1} << 31, (std::uint64_t{1} << 31) + 1,
                                  (std::uint64_t{1} << 32) - 1, (std::uint64_t{1} << 32) - width}) {
    cases.push_back({far, 0});
    cases.push_back({0, far});
    cases.push_back({far, far});
    cases.push_back({16, far});
    cases.push_back({far, 16});
  }
  for (const Case& c : cases) {
    ModuleBuilder m;
    m.memory(1);
    const auto type = m.type({ValueType::kI32}, {});
    const Code value = test::access_value(op);
    const Code access = Code(opcode, 0, c.offset) + test::after_access(op);
    m.function(type, Code(Opcode::kLocalGet, 0) + value + access);
    m.function(type, Code::constant(ValueType::kI32, c.address) + value + access);
    test::Guest guest(m.build());
    const bool fits = c.address + c.offset + width <= size;
    for (const std::uint32_t f : {0u, 1u}) {
      const Outcome outcome = guest.call(f, {Value::i32(static_cast<std::uint32_t>(c.address))});
      EXPECT_EQ(outcome.returned(), fits) << op.text << " " << c.address << "+" << c.offset;
      if (!fits) {
        EXPECT_EQ(outcome.trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
        EXPECT_EQ(outcome.trap.function_index, f);
        EXPECT_EQ(outcome.trap.byte_offset, test::access_offset(guest.module(), f, access));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryAccess, testing::ValuesIn(test::accesses()),
                         [](const auto& param) {
                           return test::access_name(kOpcodes[param.param]);
                         });

TEST(Memory, AMemoryWithoutPagesHasNoBytes) {
  ModuleBuilder m;
  m.memory(0);
  const auto get = m.type({ValueType::kI32}, {ValueType::kI32});
  const auto load = m.function(get, Code(Opcode::kLocalGet, 0) + Code(Opcode::kI32Load8U, 0, 0));
  const auto grow = m.function(get, Code(Opcode::kLocalGet, 0) + Code(Opcode::kMemoryGrow, 0));
  test::Guest guest(m.build());
  EXPECT_EQ(guest.trap(load, {Value::i32(0)}).kind, TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(guest.value(grow, {Value::i32(1)}).as_i32(), 0u);
  EXPECT_EQ(guest.value(load, {Value::i32(kWasmPageSize - 1)}).as_i32(), 0u);
  EXPECT_EQ(guest.trap(load, {Value::i32(kWasmPageSize)}).kind, TrapKind::kOutOfBoundsMemoryAccess);
}

TEST(Memory, GrowingIsSeenAtOnceAndStopsAtTheLimit) {
  ModuleBuilder m;
  m.memory(1);
  const auto get = m.type({ValueType::kI32}, {ValueType::kI32});
  const auto grow = m.function(get, Code(Opcode::kLocalGet, 0) + Code(Opcode::kMemoryGrow, 0));
  const auto size = m.function(m.type({}, {ValueType::kI32}), Code(Opcode::kMemorySize, 0));
  EngineConfig config = test::host_config();
  config.max_memory_bytes = 5 * kWasmPageSize;
  test::Guest guest(m.build(), config);
  EXPECT_EQ(guest.value(grow, {Value::i32(4)}).as_i32(), 1u);
  EXPECT_EQ(guest.value(size).as_i32(), 5u);
  EXPECT_EQ(guest.value(grow, {Value::i32(1)}).as_i32(), 0xffffffffu);
  EXPECT_EQ(guest.value(grow, {Value::i32(0xffffffff)}).as_i32(), 0xffffffffu);
  EXPECT_EQ(guest.value(grow, {Value::i32(0)}).as_i32(), 5u);
}

TEST(Memory, ARefusedCommitLeavesTheMemoryAsItWas) {
  ModuleBuilder m;
  m.memory(1);
  const auto get = m.type({ValueType::kI32}, {ValueType::kI32});
  const auto grow = m.function(get, Code(Opcode::kLocalGet, 0) + Code(Opcode::kMemoryGrow, 0));
  EngineConfig config = test::host_config();
  config.memory.commit = [](void*, std::uint8_t* base, std::uint64_t old_bytes,
                            std::uint64_t new_bytes) {
    const MemoryProvider real = host_memory_provider();
    return old_bytes == 0 && real.commit(nullptr, base, old_bytes, new_bytes);
  };
  test::Guest guest(m.build(), config);
  EXPECT_EQ(guest.value(grow, {Value::i32(1)}).as_i32(), 0xffffffffu);
  EXPECT_EQ(guest.instance().memory()->pages(), 1u);
}

TEST(Memory, SliceIsCheckedWithoutOverflow) {
  ModuleBuilder m;
  m.memory(1);
  test::Guest guest(m.build());
  const Memory& memory = *guest.instance().memory();
  EXPECT_EQ(memory.slice(kWasmPageSize - 1, 1).size(), 1u);
  EXPECT_TRUE(memory.slice(kWasmPageSize - 1, 2).empty());
  EXPECT_FALSE(memory.contains(1, ~std::uint64_t{0}));
  EXPECT_TRUE(memory.contains(kWasmPageSize, 0));
}

TEST(Memory, FreshPagesAreZeroInEveryInstance) {
  for (int i = 0; i < 3; ++i) {
    ModuleBuilder m;
    m.memory(1);
    test::Guest guest(m.build());
    for (std::uint8_t& byte : guest.instance().memory()->bytes()) {
      ASSERT_EQ(byte, 0);
      byte = 0xaa;
    }
  }
}

}  // namespace
}  // namespace quoll::wasm
