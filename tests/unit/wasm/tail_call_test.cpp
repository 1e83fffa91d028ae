// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tail calls: a stack that does not grow, whoever is called; who is seen to have called; and what
// comes back.
#include <gtest/gtest.h>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF64 = ValueType::kF64;
/// More calls than the smallest stack has bytes.
constexpr std::uint32_t kMany = 100000;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}
Code minus_one(std::uint32_t local) {
  return get(local) + Code::i32(1) + Opcode::kI32Sub;
}
/// `if local 0 is zero, then return what `result` leaves`.
Code until_zero(const Code& result) {
  return get(0) + Opcode::kI32Eqz + Code::block(Opcode::kIf) + result + Opcode::kReturn +
         Opcode::kEnd;
}

EngineConfig small_stack() {
  return test::host_config(kMinStackBytes);
}

TEST(TailCall, CountsDownInConstantStack) {
  ModuleBuilder m;
  const auto type = m.type({kI32, kI64}, {kI64});
  // f(n, sum) = n == 0 ? sum : f(n - 1, sum + n)
  m.function(type, until_zero(get(1)) + minus_one(0) + get(1) + get(0) + Opcode::kI64ExtendI32U +
                       Opcode::kI64Add + Code(Opcode::kReturnCall, 0));
  test::Guest guest(m.build(), small_stack());
  EXPECT_EQ(guest.value(0, {Value::i32(kMany), Value::i64(0)}).as_i64(),
            std::uint64_t{kMany} * (kMany + 1) / 2);
}

/// Frames of different sizes take each other's place, with arguments in every order and of every
/// kind, pinned ones among them.
TEST(TailCall, MovesArgumentsBetweenFramesOfAnySize) {
  ModuleBuilder m;
  const auto small = m.type({kI32, kF64}, {kF64, kI32});
  const auto large = m.type({kF64, kI64, kI32, ValueType::kF32, kI32}, {kF64, kI32});
  const auto f = 0u;
  const auto g = 1u;
  const Code shuffled = get(1) + Code::i64(5) + get(0) +
                        Code::constant(ValueType::kF32, 0x40400000) + minus_one(0) +
                        Code(Opcode::kReturnCall, g);
  EXPECT_EQ(m.function(small, until_zero(get(1) + Code::i32(9)) + shuffled), f);
  // g(x, five, n, three, n - 1) = f(n - 1, x + three + five + local), where the local is zero
  const Code sum = get(0) + get(3) + Opcode::kF64PromoteF32 + Opcode::kF64Add + get(1) +
                   Opcode::kF64ConvertI64S + Opcode::kF64Add + get(5) + Opcode::kF64Add;
  const Code spoil = Code::constant(kF64, 0x40f0000000000000) + Code(Opcode::kLocalSet, 5);
  const Code keep = sum + Code(Opcode::kLocalSet, 7);
  EXPECT_EQ(m.function(large, keep + spoil + get(4) + get(7) + Code(Opcode::kReturnCall, f),
                       {{40, kF64}}),
            g);
  test::Guest guest(m.build(), small_stack());
  std::vector<Value> results;
  ASSERT_TRUE(guest.call(f, {Value::i32(1000), Value::f64(0.5)}, &results).returned());
  EXPECT_EQ(results[0].as_f64(), 8000.5);
  EXPECT_EQ(results[1].as_i32(), 9u);
}

TEST(TailCall, ThroughATableIsConstantStackAndTyped) {
  for (const AddressType address : {AddressType::k32, AddressType::k64}) {
    ModuleBuilder m;
    const auto type = m.type({kI32, kI32}, {kI32});
    const auto other = m.type({kI32}, {kI32});
    m.table(4, address);
    // even and odd call each other through the table, at the index that the second argument says
    const auto index = [&](const Code& code) {
      return address == AddressType::k64 ? code + Opcode::kI64ExtendI32U : code;
    };
    const Code next = minus_one(0) + Code::i32(1) + get(1) + Opcode::kI32Sub + index(get(1)) +
                      Code(Opcode::kReturnCallIndirect, type, 0);
    const auto even = m.function(type, until_zero(Code::i32(100)) + next);
    const auto odd = m.function(type, until_zero(Code::i32(200)) + next);
    const auto unlike = m.function(other, get(0));
    m.elements(Code::constant(value_type(address), 0), {even, odd, unlike});
    const auto start = m.function(
        type, get(0) + get(1) + index(get(1)) + Code(Opcode::kReturnCallIndirect, type, 0));
    test::Guest guest(m.build(), small_stack());
    EXPECT_EQ(guest.value(even, {Value::i32(kMany), Value::i32(1)}).as_i32(), 100u);
    EXPECT_EQ(guest.value(even, {Value::i32(kMany + 1), Value::i32(1)}).as_i32(), 200u);
    const auto kind = [&](std::uint32_t i) {
      return guest.trap(start, {Value::i32(1), Value::i32(i)}).kind;
    };
    EXPECT_EQ(kind(2), TrapKind::kIndirectCallTypeMismatch);
    EXPECT_EQ(kind(3), TrapKind::kUninitializedElement);
    EXPECT_EQ(kind(4), TrapKind::kUndefinedElement);
  }
}

/// Two instances with a memory each, whose functions call each other in turn.
struct Pair {
  static Bytes module(std::uint8_t mark) {
    ModuleBuilder m;
    const auto type = m.type({kI32}, {kI32});
    const auto other = m.import_function("other", "step", type);
    m.table(1);
    m.memory(1);
    m.data(0, std::string(1, static_cast<char>(mark)));
    const auto step = m.function(type, until_zero(Code::i32(0) + Code(Opcode::kI32Load8U, 0, 0)) +
                                           minus_one(0) + Code(Opcode::kReturnCall, other));
    // A function that is not tail called looks at its own memory afterwards.
    const auto run =
        m.function(type, get(0) + Code(Opcode::kCall, step) + Code::i32(8) + Opcode::kI32Shl +
                             Code::i32(0) + Code(Opcode::kI32Load8U, 0, 0) + Opcode::kI32Or);
    m.export_as("step", ExternKind::kFunction, step);
    m.export_as("run", ExternKind::kFunction, run);
    return m.build();
  }

  explicit Pair(std::uint64_t stack_bytes)
      : engine(test::host_config(stack_bytes)), store(engine), linker(store) {
    // The first is linked to a function that finds the second when it is called.
    const FuncType type{kParameters, kParameters};
    EXPECT_TRUE(linker.define_function("other", "step", type, {&call_second, this}));
    first = *linker.instantiate(*first_module);
    EXPECT_TRUE(linker.define("other", "step", Extern::of(first->find_function("step"))));
    second = *linker.instantiate(*second_module);
  }
  static HostOutcome call_second(void* self, Instance&, std::uint64_t* slots) {
    *slots = static_cast<Pair*>(self)->calls_of_host++;
    return HostOutcome::ok();
  }

  static constexpr ValueType kParameters[] = {kI32};
  Bytes first_bytes = module(0x11);
  Bytes second_bytes = module(0x22);
  std::unique_ptr<Module> first_module = std::move(Module::decode(first_bytes)).value();
  std::unique_ptr<Module> second_module = std::move(Module::decode(second_bytes)).value();
  Engine engine;
  Store store;
  Linker linker;
  Instance* first = nullptr;
  Instance* second = nullptr;
  std::uint64_t calls_of_host = 0x77;
};

TEST(TailCall, ToAnotherInstanceAndToTheHostComesHome) {
  Pair pair(kMinStackBytes);
  const auto run = [&](Instance& instance, std::uint32_t n) {
    Value result[1];
    EXPECT_TRUE(instance.invoke("run", std::vector{Value::i32(n)}, result).returned());
    return result[0].as_i32();
  };
  EXPECT_EQ(run(*pair.second, 0), 0x2222u);
  EXPECT_EQ(run(*pair.second, 1), 0x1122u) << "the first one's step, and back to the second";
  EXPECT_EQ(run(*pair.second, 2), 0x7722u) << "the host, by way of the first";
  EXPECT_EQ(run(*pair.first, 5), 0x7811u) << "the host at once";
}

/// Instances that go round through tables in constant stack.
TEST(TailCall, BetweenInstancesIsConstantStack) {
  const Engine engine(small_stack());
  Store store(engine);
  Linker linker(store);
  Table* table = store.create_table({ValueType::kFuncRef, {2, 2, true}}, Value::funcref(nullptr));
  ASSERT_NE(table, nullptr);
  ASSERT_TRUE(linker.define("env", "table", Extern::of(table)));
  std::vector<Bytes> bytes;
  for (const std::int32_t self : {0, 1}) {
    ModuleBuilder m;
    const auto type = m.type({kI32}, {kI32});
    m.import_table("env", "table", 2);
    m.memory(1);
    m.data(0, self == 0 ? "a" : "b");
    const Code mark = Code::i32(0) + Code(Opcode::kI32Load8U, 0, 0);
    const auto step = m.function(type, until_zero(mark) + minus_one(0) + Code::i32(1 - self) +
                                           Code(Opcode::kReturnCallIndirect, type, 0));
    m.elements(self, {step});
    m.export_as("step", ExternKind::kFunction, step);
    m.export_as("run", ExternKind::kFunction,
                m.function(type, get(0) + Code(Opcode::kCall, step) + Code::i32(8) +
                                     Opcode::kI32Shl + mark + Opcode::kI32Or));
    bytes.push_back(m.build());
  }
  const auto one = engine.decode(bytes[0]);
  const auto two = engine.decode(bytes[1]);
  ASSERT_TRUE(one && two);
  Instance* first = *linker.instantiate(**one);
  ASSERT_TRUE(linker.instantiate(**two).has_value());
  Value result[1];
  ASSERT_TRUE(first->invoke("run", std::vector{Value::i32(kMany)}, result).returned());
  EXPECT_EQ(result[0].as_i32(), std::uint32_t{'a'} << 8 | 'a');
  ASSERT_TRUE(first->invoke("run", std::vector{Value::i32(kMany + 1)}, result).returned());
  EXPECT_EQ(result[0].as_i32(), std::uint32_t{'b'} << 8 | 'a');
}

/// A host function in the place of its caller: it may suspend, trap and end the program.
TEST(TailCall, ToAHostFunctionMaySuspend) {
  ModuleBuilder m;
  const auto type = m.type({kI32}, {kI32});
  const auto host = m.import_function("env", "host", type);
  const auto tail =
      m.function(type, get(0) + Code::i32(1) + Opcode::kI32Add + Code(Opcode::kReturnCall, host));
  const auto outer =
      m.function(type, get(0) + Code(Opcode::kCall, tail) + Code::i32(100) + Opcode::kI32Add);
  m.export_as("outer", ExternKind::kFunction, outer);
  test::Guest guest(m.build());
  static constexpr ValueType kTypes[] = {kI32};
  const HostFunction suspend{
      [](void*, Instance&, std::uint64_t*) { return HostOutcome::suspended(); }, nullptr};
  ASSERT_TRUE(guest.linker().define_function("env", "host", {kTypes, kTypes}, suspend));
  EXPECT_EQ(guest.call(outer, {Value::i32(5)}).kind, Outcome::Kind::kSuspended);
  Execution& thread = *guest.store().execution();
  EXPECT_EQ(static_cast<std::uint32_t>(thread.pending_slots()[0]), 6u);
  Activations waiting = thread.activations();
  Activation a;
  ASSERT_TRUE(waiting.next(a));
  EXPECT_TRUE(a.is_host);
  ASSERT_TRUE(waiting.next(a));
  EXPECT_EQ(a.function_index, outer) << "the one that tail called is gone";
  EXPECT_FALSE(waiting.next(a));
  thread.pending_slots()[0] = 7;
  Value result[1];
  EXPECT_TRUE(thread.resume(result).returned());
  EXPECT_EQ(result[0].as_i32(), 107u);
}

std::vector<std::uint32_t> callers(Activations activations) {
  std::vector<std::uint32_t> out;
  Activation next;
  while (activations.next(next)) out.push_back(next.function_index);
  return out;
}

TEST(TailCall, LeavesNoActivation) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto host = m.import_function("env", "host", none);
  const auto bad = m.function(none, Code(Opcode::kNop) + Opcode::kUnreachable);
  const auto middle = m.function(none, Code(Opcode::kReturnCall, bad));
  const auto first = m.function(none, Code(Opcode::kReturnCall, middle));
  const auto outer = m.function(none, Code(Opcode::kCall, first) + Opcode::kNop);
  const auto to_host = m.function(none, Code(Opcode::kReturnCall, host));
  const auto outer_of_host = m.function(none, Code(Opcode::kNop) + Code(Opcode::kCall, to_host));
  test::Guest guest(m.build());
  const HostFunction failing{
      [](void*, Instance&, std::uint64_t*) { return HostOutcome::trapped(TrapKind::kHostError); },
      nullptr};
  ASSERT_TRUE(guest.linker().define_function("env", "host", {}, failing));
  EXPECT_EQ(guest.trap(outer).function_index, bad);
  EXPECT_EQ(callers(guest.store().execution()->activations()),
            (std::vector<std::uint32_t>{bad, outer}));
  const WasmTrap trap = guest.trap(outer_of_host);
  EXPECT_EQ(trap.function_index, outer_of_host);
  EXPECT_EQ(trap.byte_offset, guest.module().bodies()[outer_of_host - 1].code.offset + 2);
  EXPECT_EQ(callers(guest.store().execution()->activations()),
            (std::vector<std::uint32_t>{host, outer_of_host}));
}

/// Functions that tail call each other for ever have a head each, where they can be ended.
TEST(TailCall, WithoutEndIsInterrupted) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto host = m.import_function("env", "turn", none);
  m.table(1);
  const auto f = 1u;
  const auto g = 2u;
  m.function(none, Code(Opcode::kCall, host) + Code(Opcode::kReturnCall, g));
  m.function(none, Code::i32(0) + Code(Opcode::kReturnCallIndirect, none, 0));
  m.elements(0, {f});
  EngineConfig config = small_stack();
  config.interruptible = true;
  test::Guest guest(m.build(), config);
  struct Turns {
    Execution* thread = nullptr;
    std::uint32_t left = kMany;
  };
  Turns turns{guest.store().execution()};
  const HostFunction turn{[](void* self, Instance&, std::uint64_t*) {
                            auto& state = *static_cast<Turns*>(self);
                            if (--state.left == 0) state.thread->interrupt();
                            return HostOutcome::ok();
                          },
                          &turns};
  ASSERT_TRUE(guest.linker().define_function("env", "turn", {}, turn));
  const WasmTrap trap = guest.trap(f);
  EXPECT_EQ(trap.kind, TrapKind::kInterrupted);
  EXPECT_EQ(trap.function_index, g);
  EXPECT_EQ(turns.left, 0u);
}

/// What is called may need more stack than there is: a trap, wherever it is called from.
TEST(TailCall, ToALargeFrameIsCheckedAgain) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto large = m.function(none, Opcode::kNop, {{4000, kI64}});
  const auto tail = m.function(none, Code(Opcode::kReturnCall, large));
  test::Guest guest(m.build(), small_stack());
  EXPECT_EQ(guest.trap(tail).kind, TrapKind::kCallStackExhausted);
  EXPECT_EQ(guest.trap(tail).function_index, large);
}

/// A frame of more slots than sixteen bits can say.
TEST(TailCall, FromAWideFrame) {
  ModuleBuilder m;
  const auto type = m.type({kI32, kI32}, {kI32});
  m.table(1);
  const auto target =
      m.function(type, get(0) + Code::i32(1000) + Opcode::kI32Mul + get(1) + Opcode::kI32Add);
  const auto wide = m.function(type,
                               Code::i32(7) + Code(Opcode::kLocalSet, 9000) + get(9000) + get(0) +
                                   Code(Opcode::kReturnCall, target),
                               {{10000, kI32}});
  const auto indirect = m.function(type,
                                   Code::i32(0) + Code(Opcode::kLocalSet, 9000) + get(1) + get(0) +
                                       get(9000) + Code(Opcode::kReturnCallIndirect, type, 0),
                                   {{10000, kI32}});
  m.elements(0, {target});
  test::Guest guest(m.build());
  EXPECT_EQ(guest.value(wide, {Value::i32(3), Value::i32(4)}).as_i32(), 7003u);
  EXPECT_EQ(guest.value(indirect, {Value::i32(3), Value::i32(4)}).as_i32(), 4003u);
}

TEST(TailCall, IsValidatedAgainstItsOwnFunction) {
  const auto rule_of = [](const std::vector<ValueType>& own, const std::vector<ValueType>& callee,
                          const Code& code, Features features = Features::all()) {
    ModuleBuilder m;
    m.table(1);
    const auto callee_type = m.type({kI32}, callee);
    m.function(callee_type, Code(Opcode::kUnreachable));
    m.function(m.type({}, own), code);
    const Bytes bytes = m.build();
    const auto module = Module::decode(bytes, features);
    return module ? ModuleError{} : module.error();
  };
  const Code direct = Code::i32(1) + Code(Opcode::kReturnCall, 0);
  const Code indirect = Code::i32(1) + Code::i32(0) + Code(Opcode::kReturnCallIndirect, 0, 0);
  for (const Code& code : {direct, indirect}) {
    EXPECT_EQ(rule_of({kI64}, {kI64}, code).offset, 0u) << "valid";
    EXPECT_EQ(rule_of({kI64}, {kI64}, code + Opcode::kI64Add).offset, 0u) << "not reached";
    EXPECT_EQ(rule_of({kI64}, {kI32}, code).rule, Rule::kTypeMismatch);
    EXPECT_EQ(rule_of({}, {kI32}, code).rule, Rule::kTypeMismatch);
    EXPECT_EQ(rule_of({kI32, kI32}, {kI32}, code).rule, Rule::kTypeMismatch);
    const ModuleError error = rule_of({kI64}, {kI64}, code, Features::none());
    EXPECT_EQ(error.rule, Rule::kIllegalOpcode);
    EXPECT_EQ(error.missing, Feature::kTailCalls);
  }
  EXPECT_EQ(rule_of({}, {}, Code(Opcode::kReturnCall, 0)).rule, Rule::kTypeMismatch);
  EXPECT_EQ(rule_of({}, {}, Code::i32(0) + Code(Opcode::kReturnCall, 9)).rule,
            Rule::kUnknownFunction);
}

}  // namespace
}  // namespace quoll::wasm
