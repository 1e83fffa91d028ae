// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From a device's line through the interrupt controller to the task that serves it.
#include <array>
#include <atomic>

#include <quoll/arch/current.hpp>
#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/drivers/plic.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "alarm_clock.hpp"
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
  const std::uint64_t strays = irq::unclaimed();
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
  EXPECT_EQ(irq::unclaimed(), strays);
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

// The driver that is waited for each time is woken by the hart that the source goes to just now.
KTEST_TASK(Interrupts, ASourceIsServedWhereverItIsMoved) {
  async::Signal signal;
  AlarmClock clock;
  CO_ASSERT_TRUE(clock.find());
  const std::uint32_t source = clock.source();
  CO_ASSERT_TRUE(irq::attach(source, signal).has_value());
  const std::uint64_t before = irq::source_info(source)->count;
  std::array<std::uint64_t, sync::kMaxHarts> came{};
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    came[hart] = irq::source_count(source, hart);
  }
  constexpr unsigned kRounds = 300;
  for (unsigned i = 0; i < kRounds; ++i) {
    const unsigned hart = i % arch::Harts::count();
    // Before it is raised, while it is pending, or while its driver has not been told yet.
    if (i % 3 == 0) clock.ring();
    EXPECT_TRUE(irq::set_affinity(source, sync::HartSet::of(hart)).has_value());
    EXPECT_EQ(irq::source_info(source)->hart, hart);
    if (i % 3 == 1) clock.ring();
    if (i % 3 == 2) {
      clock.ring();
      co_await exec::yield_now();
      EXPECT_TRUE(irq::set_affinity(source, sync::HartSet::of(0)).has_value());
    }
    CO_ASSERT_TRUE((co_await signal.wait()).has_value());
    EXPECT_TRUE(irq::source_info(source)->is_masked);
    clock.hush();
    irq::unmask(source);
  }
  EXPECT_EQ(irq::source_info(source)->count, before + kRounds);
  // To each hart some came: those that were raised when it was there already.
  std::uint64_t all = 0;
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    const std::uint64_t count = irq::source_count(source, hart) - came[hart];
    EXPECT_GE(count, kRounds / 3 / arch::Harts::count());
    all += count;
  }
  EXPECT_EQ(all, kRounds);
  irq::detach(source);
}

KTEST_TASK(Interrupts, ALevelThatStaysUpInterruptsOnceForEachRoundOfItsDriver) {
  async::Signal signal;
  AlarmClock clock;
  CO_ASSERT_TRUE(clock.find());
  CO_ASSERT_TRUE(irq::attach(clock.source(), signal, {.priority = 3}).has_value());
  const std::uint64_t before = irq::source_info(clock.source())->count;
  clock.ring();
  for (unsigned round = 1; round <= 10; ++round) {
    CO_ASSERT_TRUE((co_await signal.wait()).has_value());
    // A storm would show meanwhile. (This machine's controller notes a level when it is set.)
    clock.ring();
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
    EXPECT_EQ(irq::source_info(clock.source())->count, before + round);
    if (round == 10) clock.hush();
    irq::unmask(clock.source());
  }
  irq::detach(clock.source());
  EXPECT_FALSE(irq::source_info(clock.source())->hart.has_value());
}

KTEST_TASK(Interrupts, ADriverThatHasDetachedIsNotTold) {
  async::Signal signal;
  AlarmClock clock;
  CO_ASSERT_TRUE(clock.find());
  for (unsigned round = 0; round < 100; ++round) {
    // Gone with the round, while the interrupt may just be handled elsewhere.
    async::Signal brief;
    CO_ASSERT_TRUE(irq::attach(clock.source(), brief).has_value());
    clock.ring();
    irq::detach(clock.source());
    // Late, and without an effect.
    irq::unmask(clock.source());
  }
  // The next driver's source works.
  CO_ASSERT_TRUE(irq::attach(clock.source(), signal).has_value());
  clock.ring();
  CO_ASSERT_TRUE((co_await signal.wait()).has_value());
  clock.hush();
  irq::detach(clock.source());
}

/// Lets a source interrupt a hart behind the kernel's back.
bool route_secretly(std::uint32_t source, unsigned hart) {
  for (fdt::Walk walk(*kernel::state().device_tree); walk.next();) {
    if (!walk.node().is_compatible("sifive,plic-1.0.0")) continue;
    const auto reg = walk.reg();
    const auto sources = walk.node().u32("riscv,ndev");
    if (!reg || !sources) return false;
    const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
    if (!range) return false;
    const auto window = vm::kernel_space().map_device(*range);
    if (!window) return false;
    drivers::Plic<arch::MmioWindow> plic(arch::MmioWindow(*window), *sources);
    // Each hart has a context for the firmware, and then one for us.
    const auto context = static_cast<std::uint32_t>(2 * arch::Harts::hardware_id(hart) + 1);
    plic.route(source, context);
    plic.set_priority(source, 1);
    return true;
  }
  return false;
}

KTEST_TASK(Interrupts, OneThatNobodyClaimsIsCountedAndMasked) {
  AlarmClock clock;
  CO_ASSERT_TRUE(clock.find());
  const std::uint64_t before = irq::unclaimed();
  for (unsigned i = 1; i <= 3; ++i) {
    clock.ring();
    CO_ASSERT_TRUE(route_secretly(clock.source(), arch::Harts::count() - 1));
    const exec::Ticks limit = exec::now() + 20 * exec::ticks_per_second();
    while (irq::unclaimed() != before + i && exec::now() < limit) {
      (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
    }
    // Up all the time, and not heard of again.
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
    EXPECT_EQ(irq::unclaimed(), before + i);
  }
  EXPECT_EQ(irq::source_info(clock.source())->strays, 3u);
  clock.hush();
}

}  // namespace
}  // namespace quoll::device
