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

namespace quoll::device {
namespace {

/// The console's UART, which can be made to hear itself.
class LoopedUart {
 public:
  bool find() {
    const fdt::DeviceTree& tree = *kernel::state().device_tree;
    const auto chosen = tree.find("/chosen");
    const auto path = chosen ? chosen->string("stdout-path") : std::nullopt;
    const auto node = path ? tree.find(*path) : std::nullopt;
    fdt::Walk walk(tree);
    if (!node || !walk.seek(*node)) return false;
    const auto reg = walk.reg();
    if (!reg) return false;
    const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
    if (!range) return false;
    const auto window = vm::kernel_space().map_device(*range);
    if (!window) return false;
    window_ = arch::MmioWindow(*window);
    shift_ = node->u32("reg-shift").value_or(0);
    return true;
  }
  void hear(std::uint8_t byte) {
    constexpr std::uint8_t kLoop = 0x10;
    const std::size_t modem_control = std::size_t{4} << shift_;
    const std::uint8_t usual = window_.read8(modem_control);
    window_.write8(modem_control, usual | kLoop);
    window_.write8(0, byte);
    window_.write8(modem_control, usual);
  }

 private:
  arch::MmioWindow window_;
  std::uint32_t shift_ = 0;
};

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
