// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory that runs out at every possible moment: an error each time, never a crash.
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

#include "guest.hpp"

namespace {
/// How many allocations still succeed; negative: all of them.
long allocations_left = -1;
}  // namespace

// The engine allocates with these alone; the test's own code uses the throwing forms.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  return std::malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return ::operator new(size, tag);
}
void* operator new(std::size_t size) {
  void* made = std::malloc(size);
  if (made == nullptr) std::abort();
  return made;
}
void* operator new[](std::size_t size) {
  return ::operator new(size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

Bytes module_of_many_parts() {
  constexpr ValueType i32 = ValueType::kI32;
  ModuleBuilder m;
  const auto get = m.type({}, {i32});
  Code code = Code::i32(1);
  for (int i = 0; i < 40; ++i) {
    code += Code::block(Opcode::kBlock, i32) + Code(Opcode::kMemorySize, 0) + Opcode::kEnd +
            Opcode::kI32Add;
  }
  code += Code(Opcode::kGlobalGet, 1) + Code(Opcode::kLocalTee, 0) + Opcode::kV128AnyTrue +
          Opcode::kI32Add;
  const auto f = m.function(get, code, {{1, ValueType::kV128}});
  m.table(3);
  m.memory(1);
  m.global(i32, Code::i32(3));
  m.global(ValueType::kV128, Code::v128(1, 2));
  m.export_as("f", ExternKind::kFunction, f);
  m.elements(0, {f, f});
  m.data(0, "data");
  return m.build();
}

/// Decodes, instantiates and runs with so many allocations. True: it worked to the end.
bool attempt(const Bytes& bytes, const Engine& engine, long allocations) {
  Store store(engine);
  allocations_left = allocations;
  auto module = Module::decode(bytes);
  if (!module) {
    EXPECT_EQ(module.error().rule, Rule::kOutOfMemory);
    return false;
  }
  Linker linker(store);
  const auto instance = linker.instantiate(**module);
  if (!instance) {
    EXPECT_EQ(instance.error().rule, LinkRule::kOutOfMemory);
    return false;
  }
  Value result[1];
  const Outcome outcome = (*instance)->invoke("f", {}, result);
  allocations_left = -1;
  if (!outcome.returned()) {
    EXPECT_TRUE(outcome.kind == Outcome::Kind::kRefused ||
                outcome.trap.kind == TrapKind::kOutOfMemory);
    return false;
  }
  EXPECT_EQ(result[0].as_i32(), 42u);
  return true;
}

TEST(Allocation, FailureIsAnErrorWhereverItHappens) {
  const Bytes bytes = module_of_many_parts();
  const Engine engine(test::host_config());
  constexpr long kEnough = 10000;
  long allocations = 0;
  while (allocations < kEnough && !attempt(bytes, engine, allocations)) ++allocations;
  allocations_left = -1;
  EXPECT_GT(allocations, 20);
  EXPECT_LT(allocations, kEnough);
}

}  // namespace
}  // namespace quoll::wasm
