// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Running: traps and where they are, the end of the stack, host functions, suspension.
#include <gtest/gtest.h>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI32Types[] = {kI32, kI32};
const FuncType kUnary{std::span(kI32Types, 1), std::span(kI32Types, 1)};

TEST(Trap, NamesFunctionAndByte) {
  ModuleBuilder m;
  const auto binary = m.type({kI32, kI32}, {kI32});
  m.function(binary, Code::i32(0));
  const Code before = Code(Opcode::kNop) + Code(Opcode::kLocalGet, 0) + Code(Opcode::kLocalGet, 1);
  const auto divide = m.function(binary, before + Opcode::kI32DivU);
  const auto caller = m.function(binary, Code(Opcode::kLocalGet, 0) + Code(Opcode::kLocalGet, 1) +
                                             Code(Opcode::kCall, divide));
  const Bytes bytes = m.build();
  test::Guest guest(bytes);
  const WasmTrap trap = guest.trap(caller, {Value::i32(1), Value::i32(0)});
  EXPECT_EQ(trap.kind, TrapKind::kIntegerDivideByZero);
  EXPECT_EQ(trap.function_index, divide);
  const FunctionBody& body = guest.module().bodies()[divide];
  EXPECT_EQ(trap.byte_offset, body.code.offset + 1 + before.bytes().size());
  EXPECT_EQ(bytes[trap.byte_offset], info(Opcode::kI32DivU).number);
}

TEST(Trap, EveryKindHasItsText) {
  for (int i = 0; i <= static_cast<int>(TrapKind::kHostError); ++i) {
    EXPECT_STRNE(text(static_cast<TrapKind>(i)), "unknown trap");
  }
}

TEST(Stack, DeepRecursionTrapsAndTheThreadCanBeUsedAgain) {
  ModuleBuilder m;
  const auto type = m.type({kI32}, {kI32});
  const auto f = m.function(type, Code(Opcode::kLocalGet, 0) + Code(Opcode::kCall, 0));
  const auto id = m.function(type, Code(Opcode::kLocalGet, 0));
  test::Guest guest(m.build());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(guest.trap(f, {Value::i32(1)}).kind, TrapKind::kCallStackExhausted);
    EXPECT_EQ(guest.value(id, {Value::i32(7)}).as_i32(), 7u);
  }
}

TEST(Stack, DepthFollowsTheConfiguredSize) {
  // Counts down from the argument; deeper arguments need a larger stack.
  ModuleBuilder m;
  const auto type = m.type({kI32}, {kI32});
  const auto f =
      m.function(type, Code(Opcode::kLocalGet, 0) + Code::block(Opcode::kIf, kI32) +
                           Code(Opcode::kLocalGet, 0) + Code::i32(1) + Opcode::kI32Sub +
                           Code(Opcode::kCall, 0) + Opcode::kElse + Code::i32(42) + Opcode::kEnd);
  std::uint32_t deepest[2] = {};
  for (int large : {0, 1}) {
    test::Guest guest(m.build(), test::host_config(large != 0 ? 1 << 18 : 1 << 14));
    std::uint32_t depth = 1;
    while (guest.call(f, {Value::i32(depth)}).returned()) ++depth;
    deepest[large] = depth;
  }
  EXPECT_GT(deepest[0], 100u);
  EXPECT_GT(deepest[1], 10 * deepest[0]);
}

TEST(Stack, AFrameLargerThanTheStackTraps) {
  ModuleBuilder m;
  const auto f = m.function(m.type({}, {}), {}, {{40000, ValueType::kI64}});
  test::Guest guest(m.build(), test::host_config(1 << 16));
  EXPECT_EQ(guest.trap(f).kind, TrapKind::kCallStackExhausted);
}

TEST(Invocation, RefusesArgumentsThatDoNotFit) {
  ModuleBuilder m;
  const auto f = m.function(m.type({kI32}, {kI32}), Code(Opcode::kLocalGet, 0));
  test::Guest guest(m.build());
  EXPECT_EQ(guest.call(f, {}).kind, Outcome::Kind::kRefused);
  EXPECT_EQ(guest.call(f, {Value::i64(1)}).kind, Outcome::Kind::kRefused);
  EXPECT_EQ(guest.instance().invoke(99u).kind, Outcome::Kind::kRefused);
}

/// A host function whose behaviour the test chooses.
struct Host {
  HostOutcome outcome = HostOutcome::ok();
  int calls = 0;
  static HostOutcome call(void* context, Instance&, std::uint64_t* slots) {
    auto* host = static_cast<Host*>(context);
    ++host->calls;
    // The upper half is of no meaning, and may be anything.
    slots[0] = (slots[0] * 2) | 0xabcd'0000'0000'0000;
    return host->outcome;
  }
};

/// f(x) = host(x) + 1, called through another function.
struct HostGuest {
  HostGuest() : guest(build()) {
    EXPECT_TRUE(guest.linker().define_function("env", "host", kUnary, {&Host::call, &host}));
  }
  static Bytes build() {
    ModuleBuilder m;
    const auto type = m.type({kI32}, {kI32});
    m.import_function("env", "host", type);
    m.function(
        type, Code(Opcode::kLocalGet, 0) + Code(Opcode::kCall, 0) + Code::i32(1) + Opcode::kI32Add);
    m.function(type, Code(Opcode::kLocalGet, 0) + Code(Opcode::kCall, 1) +
                         Code(Opcode::kLocalGet, 0) + Opcode::kI32Add);
    return m.build();
  }
  Host host;
  test::Guest guest;
};

TEST(HostFunction, GetsArgumentsAndGivesResults) {
  HostGuest g;
  EXPECT_EQ(g.guest.value(1, {Value::i32(20)}).as_i32(), 41u);
  EXPECT_EQ(g.guest.value(1, {Value::i32(0xffffffff)}).as_i32(), 0xffffffffu);
  EXPECT_EQ(g.guest.value(0, {Value::i32(4)}).as_i32(), 8u);
  EXPECT_EQ(g.host.calls, 3);
}

TEST(HostFunction, CanTrapAndExit) {
  HostGuest g;
  g.host.outcome = HostOutcome::trapped(TrapKind::kHostError);
  const WasmTrap trap = g.guest.trap(2, {Value::i32(1)});
  EXPECT_EQ(trap.kind, TrapKind::kHostError);
  EXPECT_EQ(trap.function_index, 1u);
  g.host.outcome = HostOutcome::exited(17);
  const Outcome outcome = g.guest.call(2, {Value::i32(1)});
  EXPECT_EQ(outcome.kind, Outcome::Kind::kExited);
  EXPECT_EQ(outcome.exit_code, 17u);
}

TEST(HostFunction, SuspendsAndResumesWithItsResult) {
  HostGuest g;
  g.host.outcome = HostOutcome::suspended();
  std::vector<Value> results(1);
  EXPECT_EQ(g.guest.call(2, {Value::i32(5)}).kind, Outcome::Kind::kSuspended);
  Execution& thread = *g.guest.store().execution();
  ASSERT_TRUE(thread.suspended());
  EXPECT_EQ(g.guest.call(2, {Value::i32(5)}).kind, Outcome::Kind::kRefused);
  thread.pending_slots()[0] = 100;
  EXPECT_TRUE(thread.resume(results).returned());
  EXPECT_EQ(results[0].as_i32(), 106u);
  EXPECT_EQ(thread.resume(results).kind, Outcome::Kind::kRefused);
}

TEST(HostFunction, AnAbandonedRunLeavesTheThreadUsable) {
  HostGuest g;
  g.host.outcome = HostOutcome::suspended();
  EXPECT_EQ(g.guest.call(2, {Value::i32(5)}).kind, Outcome::Kind::kSuspended);
  g.guest.store().execution()->abandon();
  g.host.outcome = HostOutcome::ok();
  EXPECT_EQ(g.guest.value(1, {Value::i32(1)}).as_i32(), 3u);
}

/// Calls back into the guest, deeper each time.
struct Reentrant {
  unsigned depth = 0;
  unsigned most = 0;
  bool exhausted = false;
  static HostOutcome call(void* context, Instance& caller, std::uint64_t* slots) {
    auto* self = static_cast<Reentrant*>(context);
    if (++self->depth > self->most) self->most = self->depth;
    const Value argument[] = {Value::i32(static_cast<std::uint32_t>(slots[0]))};
    Value result[1];
    const Outcome outcome = caller.invoke(1, argument, result);
    --self->depth;
    if (!outcome.returned()) {
      self->exhausted = outcome.trap.kind == TrapKind::kCallStackExhausted;
      slots[0] = 0;
    } else {
      slots[0] = result[0].as_i32();
    }
    return HostOutcome::ok();
  }
};

TEST(HostFunction, MayCallBackToALimit) {
  Reentrant host;
  test::Guest guest(HostGuest::build());
  ASSERT_TRUE(guest.linker().define_function("env", "host", kUnary, {&Reentrant::call, &host}));
  // Each level adds one to what the innermost, refused call gave.
  EXPECT_EQ(guest.value(1, {Value::i32(3)}).as_i32(), kMaxNestedRuns);
  EXPECT_TRUE(host.exhausted);
  EXPECT_EQ(host.most, kMaxNestedRuns);
}

TEST(HostFunction, AnUnknownImportTrapsWithItsName) {
  test::Guest guest(HostGuest::build());
  guest.linker().set_unknown_functions(UnknownFunctions::kTrap);
  const WasmTrap trap = guest.trap(1, {Value::i32(1)});
  EXPECT_EQ(trap.kind, TrapKind::kUnknownImport);
  EXPECT_EQ(trap.import_module, "env");
  EXPECT_EQ(trap.import_name, "host");
  EXPECT_EQ(trap.function_index, 1u);
}

/// Locals and operand stacks whose slots need more than sixteen bits.
TEST(WideFrames, ComputeLikeNarrowOnes) {
  for (const std::uint32_t locals : {0u, 8180u, 8190u, 8191u, 9000u, 40000u}) {
    ModuleBuilder m;
    const auto type = m.type({kI32, ValueType::kF64}, {kI32});
    const auto other =
        m.function(type, Code(Opcode::kLocalGet, 0) + Code::i32(2) + Opcode::kI32Mul);
    const std::uint32_t last = 2 + locals;
    // last = (x + 3) * 5; then a call with it, a loop, a select, and floating point.
    const Code code = Code(Opcode::kLocalGet, 0) + Code::i32(3) + Opcode::kI32Add + Code::i32(5) +
                      Opcode::kI32Mul + Code(Opcode::kLocalSet, last) + Code(Opcode::kLocalGet, 1) +
                      Code(Opcode::kLocalSet, last + 1) + Code(Opcode::kLocalGet, last) +
                      Code(Opcode::kLocalGet, last + 1) + Code(Opcode::kCall, other) +
                      Code::block(Opcode::kLoop, kI32) + Code(Opcode::kLocalGet, last) +
                      Code::i32(1) + Opcode::kI32Sub + Code(Opcode::kLocalTee, last) +
                      Code::i32(10) + Opcode::kI32GtS + Code(Opcode::kBrIf, 0) +
                      Code(Opcode::kLocalGet, last) + Opcode::kEnd + Opcode::kI32Add +
                      Code(Opcode::kLocalGet, last + 1) + Code(Opcode::kLocalGet, last + 1) +
                      Opcode::kF64Add + Opcode::kI32TruncF64S + Opcode::kI32Add +
                      Code(Opcode::kLocalGet, 0) + Code(Opcode::kLocalGet, last) +
                      Code(Opcode::kLocalGet, 0) + Opcode::kSelect + Opcode::kI32Add;
    const auto f =
        locals == 0
            ? m.function(type, code, {{1, kI32}, {1, ValueType::kF64}})
            : m.function(type, code, {{locals, ValueType::kI64}, {1, kI32}, {1, ValueType::kF64}});
    test::Guest guest(m.build());
    // (7 + 3) * 5 = 50; 100 from the call, 10 from the loop, 5 from 2.5 * 2, 7 from the select.
    EXPECT_EQ(guest.value(f, {Value::i32(7), Value::f64(2.5)}).as_i32(), 122u) << locals;
  }
}

TEST(WideFrames, HoldHighOperandStacks) {
  constexpr int kValues = 20000;
  Code code;
  for (int i = 0; i < kValues; ++i)
    code += Code(Opcode::kLocalGet, 0) + Code::i32(i) + Opcode::kI32Add;
  for (int i = 1; i < kValues; ++i) code += Opcode::kI32Add;
  ModuleBuilder m;
  const auto f = m.function(m.type({kI32}, {kI32}), code);
  test::Guest guest(m.build());
  constexpr std::uint32_t kSum = kValues * (kValues - 1) / 2;
  EXPECT_EQ(guest.value(f, {Value::i32(3)}).as_i32(), kSum + 3 * kValues);
}

TEST(FloatPins, SurviveCalls) {
  // sum += x for ten rounds, with a call in each that uses pins of its own.
  ModuleBuilder m;
  constexpr ValueType kF64 = ValueType::kF64;
  const auto type = m.type({kF64, kI32}, {kF64});
  const auto busy =
      m.function(type, Code::block(Opcode::kLoop) + Code(Opcode::kLocalGet, 0) +
                           Code(Opcode::kLocalGet, 0) + Opcode::kF64Mul +
                           Code(Opcode::kLocalSet, 0) + Opcode::kEnd + Code(Opcode::kLocalGet, 0));
  Code loop = Code::block(Opcode::kLoop);
  for (int i = 0; i < 20; ++i) {
    loop += Code(Opcode::kLocalGet, 2) + Code(Opcode::kLocalGet, 0) + Opcode::kF64Add +
            Code(Opcode::kLocalSet, 2);
  }
  loop += Code(Opcode::kLocalGet, 0) + Code::i32(0) + Code(Opcode::kCall, busy) + Opcode::kDrop +
          Code(Opcode::kLocalGet, 1) + Code::i32(1) + Opcode::kI32Sub + Code(Opcode::kLocalTee, 1) +
          Code(Opcode::kBrIf, 0) + Opcode::kEnd + Code(Opcode::kLocalGet, 2);
  const auto f = m.function(type, loop, {{1, kF64}});
  test::Guest guest(m.build());
  EXPECT_EQ(guest.value(f, {Value::f64(1.5), Value::i32(10)}).as_f64(), 300.0);
}

}  // namespace
}  // namespace quoll::wasm
