// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Runs that are ended from outside.
#include <atomic>
#include <thread>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Code;
using test::ModuleBuilder;

EngineConfig interruptible() {
  EngineConfig config = test::host_config();
  config.interruptible = true;
  return config;
}

/// Interrupts until it is told that the run has ended.
class Interrupter {
 public:
  explicit Interrupter(Execution& execution)
      : thread_([this, &execution] {
          while (!ended_.load()) execution.interrupt();
        }) {}
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;
  ~Interrupter() {
    ended_.store(true);
    thread_.join();
  }

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

TEST(Interruption, EndsALoopThatHasNoOtherEnd) {
  ModuleBuilder m;
  const auto loop =
      m.function(m.type({}, {}), Code::block(Opcode::kLoop) + Code(Opcode::kBr, 0) + Opcode::kEnd);
  test::Guest guest(m.build(), interruptible());
  guest.instance();
  WasmTrap trap;
  {
    const Interrupter interrupter(*guest.store().execution());
    trap = guest.trap(loop, {});
  }
  EXPECT_EQ(trap.kind, TrapKind::kInterrupted);
  EXPECT_EQ(trap.function_index, loop);
}

TEST(Interruption, EndsCallsWithoutALoop) {
  // Two calls at each of sixty levels: as good as for ever.
  ModuleBuilder m;
  const auto type = m.type({ValueType::kI32}, {});
  const Code down = Code(Opcode::kLocalGet, 0) + Code::i32(1) + Opcode::kI32Sub;
  const auto fork =
      m.function(type, Code(Opcode::kLocalGet, 0) + Code::block(Opcode::kIf) + down +
                           Code(Opcode::kCall, 0) + down + Code(Opcode::kCall, 0) + Opcode::kEnd);
  test::Guest guest(m.build(), interruptible());
  guest.instance();
  const Interrupter interrupter(*guest.store().execution());
  EXPECT_EQ(guest.trap(fork, {Value::i32(60)}).kind, TrapKind::kInterrupted);
}

TEST(Interruption, WaitsForARunAndEndsOne) {
  ModuleBuilder m;
  const auto type = m.type({}, {ValueType::kI32});
  const auto one = m.function(type, Code::i32(1));
  test::Guest guest(m.build(), interruptible());
  EXPECT_EQ(guest.value(one, {}).as_i32(), 1u);
  guest.store().execution()->interrupt();
  EXPECT_EQ(guest.trap(one, {}).kind, TrapKind::kInterrupted);
  EXPECT_EQ(guest.value(one, {}).as_i32(), 1u);
}

}  // namespace
}  // namespace quoll::wasm
