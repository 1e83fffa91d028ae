// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Host functions that complete later: runs that are resumed, given up or destroyed at every point
// where they can wait, beside tail calls and traps.
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI32Types[] = {kI32};

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}

/// Every way to a host function: called, called through a table, tail called, tail called through a
/// table, from another instance's function. Each adds one to what it is given, and `run` adds up.
struct Waiting {
  static constexpr std::uint32_t kPoints = 6;

  static Bytes library() {
    ModuleBuilder m;
    const auto unary = m.type({kI32}, {kI32});
    const auto host = m.import_function("env", "later", unary);
    m.memory(1);
    m.export_as("through", ExternKind::kFunction,
                m.function(unary, get(0) + Code(Opcode::kCall, host) + Code::i32(0) +
                                      Code(Opcode::kI32Load, 0, 0) + Opcode::kI32Add));
    return m.build();
  }
  static Bytes program() {
    ModuleBuilder m;
    const auto unary = m.type({kI32}, {kI32});
    const auto host = m.import_function("env", "later", unary);
    const auto through = m.import_function("lib", "through", unary);
    m.table(2);
    m.memory(1);
    m.elements(0, {host, through});
    const Code indirect = Code(Opcode::kCallIndirect, unary, 0);
    const auto tail = m.function(unary, get(0) + Code(Opcode::kReturnCall, host));
    const auto tail_indirect =
        m.function(unary, get(0) + Code::i32(0) + Code(Opcode::kReturnCallIndirect, unary, 0));
    const auto tail_away = m.function(unary, get(0) + Code(Opcode::kReturnCall, through));
    m.export_as("run", ExternKind::kFunction,
                m.function(unary, get(0) + Code(Opcode::kCall, host) + Code::i32(0) + indirect +
                                      Code(Opcode::kCall, tail) +
                                      Code(Opcode::kCall, tail_indirect) + Code::i32(1) + indirect +
                                      Code(Opcode::kCall, tail_away) + get(0) + Opcode::kI32Add));
    // A trap behind a tail call, and one in a function that was tail called.
    const auto bad = m.function(unary, get(0) + Code::i32(0) + Opcode::kI32DivU);
    const auto to_bad =
        m.function(unary, get(0) + Code(Opcode::kCall, host) + Code(Opcode::kReturnCall, bad));
    m.export_as("trap", ExternKind::kFunction,
                m.function(unary, get(0) + Code(Opcode::kCall, to_bad)));
    return m.build();
  }

  Waiting() : engine(test::host_config()), store(std::make_unique<Store>(engine)), linker(*store) {
    const HostFunction later{[](void* self, Instance&, std::uint64_t*) {
                               ++static_cast<Waiting*>(self)->calls;
                               return HostOutcome::suspended();
                             },
                             this};
    EXPECT_TRUE(linker.define_function("env", "later", {kI32Types, kI32Types}, later));
    EXPECT_TRUE(linker.define_instance("lib", **linker.instantiate(*library_module)));
    instance = *linker.instantiate(*program_module);
    thread = Execution::create(*store, kMinStackBytes);
  }

  Outcome begin(const char* name) {
    const Value argument[] = {Value::i32(10)};
    return thread->call(*instance->find_function(name), argument, result);
  }
  /// Completes what the run waits for.
  Outcome answer() {
    ++thread->pending_slots()[0];
    return thread->resume(result);
  }
  /// Runs from the beginning to the end.
  void run_whole() {
    Outcome outcome = begin("run");
    for (std::uint32_t i = 0; i < kPoints; ++i) {
      ASSERT_EQ(outcome.kind, Outcome::Kind::kSuspended) << i;
      outcome = answer();
    }
    ASSERT_EQ(outcome.kind, Outcome::Kind::kReturned);
    EXPECT_EQ(result[0].as_i32(), 10 + kPoints + 10);
  }

  Bytes library_bytes = library();
  Bytes program_bytes = program();
  std::unique_ptr<Module> library_module = std::move(Module::decode(library_bytes)).value();
  std::unique_ptr<Module> program_module = std::move(Module::decode(program_bytes)).value();
  Engine engine;
  std::unique_ptr<Store> store;
  Linker linker;
  Instance* instance = nullptr;
  std::unique_ptr<Execution> thread;
  std::uint32_t calls = 0;
  Value result[1];
};

TEST(Suspension, GoesOnAtEveryPoint) {
  Waiting waiting;
  waiting.run_whole();
  EXPECT_EQ(waiting.calls, Waiting::kPoints);
}

/// Given up at every point, the thread can be used again, and nothing of the run is left.
TEST(Suspension, CanBeGivenUpAtEveryPoint) {
  for (std::uint32_t point = 0; point < Waiting::kPoints; ++point) {
    Waiting waiting;
    Outcome outcome = waiting.begin("run");
    for (std::uint32_t i = 0; i < point; ++i) outcome = waiting.answer();
    ASSERT_EQ(outcome.kind, Outcome::Kind::kSuspended);
    EXPECT_EQ(waiting.begin("run").kind, Outcome::Kind::kRefused) << "the thread waits";
    waiting.thread->abandon();
    EXPECT_FALSE(waiting.thread->suspended());
    EXPECT_EQ(waiting.thread->resume(waiting.result).kind, Outcome::Kind::kRefused);
    Activation unused;
    EXPECT_FALSE(waiting.thread->activations().next(unused)) << point;
    waiting.run_whole();
  }
}

/// Thread, then store; or all at once, as when a guest is killed.
TEST(Suspension, CanBeDestroyedAtEveryPoint) {
  for (std::uint32_t point = 0; point < Waiting::kPoints; ++point) {
    for (const bool thread_alone : {true, false}) {
      Waiting waiting;
      Outcome outcome = waiting.begin("run");
      for (std::uint32_t i = 0; i < point; ++i) outcome = waiting.answer();
      ASSERT_EQ(outcome.kind, Outcome::Kind::kSuspended);
      if (!thread_alone) continue;
      waiting.thread = Execution::create(*waiting.store, kMinStackBytes);
      waiting.run_whole();
    }
  }
}

/// Several threads of one store that all wait, and end in another order than they began.
TEST(Suspension, OfManyThreadsIsOfEachItsOwn) {
  Waiting waiting;
  std::vector<std::unique_ptr<Execution>> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    std::unique_ptr<Execution> thread = Execution::create(*waiting.store, kMinStackBytes);
    const Value argument[] = {Value::i32(100 * i)};
    ASSERT_EQ(thread->call(*waiting.instance->find_function("run"), argument, waiting.result).kind,
              Outcome::Kind::kSuspended);
    threads.push_back(std::move(thread));
  }
  for (const std::uint32_t i : {2u, 0u, 3u, 1u}) {
    Outcome outcome;
    for (std::uint32_t point = 0; point < Waiting::kPoints; ++point) {
      ++threads[i]->pending_slots()[0];
      outcome = threads[i]->resume(waiting.result);
    }
    ASSERT_EQ(outcome.kind, Outcome::Kind::kReturned);
    EXPECT_EQ(waiting.result[0].as_i32(), 200 * i + Waiting::kPoints);
  }
}

/// A tail call and then a trap, after a wait and without: the trap is where it was, and the thread
/// can be used again.
TEST(Suspension, BeforeATailCallThatTrapsLeavesTheThreadUsable) {
  Waiting waiting;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(waiting.begin("trap").kind, Outcome::Kind::kSuspended);
    const Outcome outcome = waiting.answer();
    ASSERT_EQ(outcome.kind, Outcome::Kind::kTrapped);
    EXPECT_EQ(outcome.trap.kind, TrapKind::kIntegerDivideByZero);
    EXPECT_EQ(waiting.program_bytes[outcome.trap.byte_offset], info(Opcode::kI32DivU).number);
    std::vector<std::uint32_t> functions;
    Activations activations = waiting.thread->activations();
    for (Activation next; activations.next(next);) functions.push_back(next.function_index);
    const std::uint32_t outer = waiting.program_module->find_export("trap")->index;
    EXPECT_EQ(functions, (std::vector<std::uint32_t>{outer - 2, outer}));
    waiting.run_whole();
  }
}

/// What waits inside of a host function cannot wait: the host function's frame is on the native
/// stack. It is a trap of the inner run, and the outer one goes on.
TEST(Suspension, InsideOfAHostFunctionIsATrap) {
  Waiting waiting;
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {kI32});
  const auto outer = m.import_function("env", "outer", unary);
  m.export_as("start", ExternKind::kFunction,
              m.function(unary, get(0) + Code(Opcode::kCall, outer)));
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  const HostFunction host{[](void* self, Instance&, std::uint64_t* slots) {
                            auto& w = *static_cast<Waiting*>(self);
                            const Outcome inner = w.begin("run");
                            slots[0] = inner.kind == Outcome::Kind::kTrapped &&
                                               inner.trap.kind == TrapKind::kHostError
                                           ? 1
                                           : 0;
                            return HostOutcome::ok();
                          },
                          &waiting};
  ASSERT_TRUE(waiting.linker.define_function("env", "outer", {kI32Types, kI32Types}, host));
  Instance* const instance = *waiting.linker.instantiate(**module);
  const Value argument[] = {Value::i32(1)};
  Value result[1];
  const Outcome outcome = waiting.thread->call(*instance->find_function("start"), argument, result);
  ASSERT_EQ(outcome.kind, Outcome::Kind::kReturned);
  EXPECT_EQ(result[0].as_i32(), 1u);
  EXPECT_FALSE(waiting.thread->suspended());
  waiting.run_whole();
}

}  // namespace
}  // namespace quoll::wasm
