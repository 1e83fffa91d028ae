// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From a device's line through the interrupt controller to the task that serves it.
#include <atomic>

#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "looped_uart.hpp"

namespace quoll::device {
namespace {

constinit std::atomic<unsigned> interrupt_keys{0};

async::Task<bool> reaches(unsigned keys) {
  const exec::Ticks limit = exec::now() + 5 * exec::ticks_per_second();
  while (interrupt_keys.load() != keys && exec::now() < limit) {
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 2000)).has_value();
  }
  co_return interrupt_keys.load() == keys;
}

KTEST_TASK(Interrupts, TheInterruptKeyReachesItsHandlerEachTime) {
  LoopedUart uart;
  CO_ASSERT_TRUE(uart.find());
  interrupt_keys.store(0);
  set_interrupt_handler([] { interrupt_keys.fetch_add(1); });
  bool all = true;
  for (unsigned i = 1; i <= 50 && all; ++i) {
    uart.hear('x');
    uart.hear(0x03);
    const auto reached = co_await reaches(i).checked();
    all = reached.has_value() && *reached;
  }
  set_interrupt_handler(nullptr);
  EXPECT_TRUE(all);
  EXPECT_EQ(irq::unclaimed(), 0u);
}

KTEST(Interrupts, ASourceHasOneOwner) {
  static constinit async::Signal nobody;
  for (fdt::Walk walk(*kernel::state().device_tree); walk.next();) {
    if (!walk.node().is_compatible("ns16550a")) continue;
    const auto source = irq::source_of(walk);
    ASSERT_TRUE(source.has_value());
    const auto taken = irq::attach(*source, nobody);
    EXPECT_TRUE(!taken && taken.error() == irq::IrqError::kTaken);
  }
  const auto wild = irq::attach(0, nobody);
  EXPECT_TRUE(!wild && wild.error() == irq::IrqError::kBadSource);
  const auto beyond = irq::attach(100'000, nobody);
  EXPECT_TRUE(!beyond && beyond.error() == irq::IrqError::kBadSource);
}

}  // namespace
}  // namespace quoll::device
