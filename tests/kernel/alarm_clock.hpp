// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The clock of the machine, which interrupts when a test wants it to.
#pragma once

#include <cstdint>

#include <quoll/arch/mmio.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>

namespace quoll::device {

/// Its interrupt is a level, up from `ring` to `hush`. No driver of the kernel wants it.
class AlarmClock {
 public:
  bool find() {
    for (fdt::Walk walk(*kernel::state().device_tree); walk.next();) {
      if (!walk.node().is_compatible("google,goldfish-rtc")) continue;
      const auto reg = walk.reg();
      const auto source = irq::source_of(walk);
      if (!reg || !source) return false;
      const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
      if (!range) return false;
      const auto window = vm::kernel_space().map_device(*range);
      if (!window) return false;
      window_ = arch::MmioWindow(*window);
      source_ = *source;
      return true;
    }
    return false;
  }
  std::uint32_t source() const { return source_; }

  /// The alarm's time has passed already.
  void ring() {
    window_.write32(kInterruptEnabled, 1);
    window_.write32(kAlarmHigh, 0);
    window_.write32(kAlarmLow, 1);
  }
  void hush() { window_.write32(kClearInterrupt, 1); }

 private:
  static constexpr std::size_t kAlarmLow = 0x08;
  static constexpr std::size_t kAlarmHigh = 0x0c;
  static constexpr std::size_t kInterruptEnabled = 0x10;
  static constexpr std::size_t kClearInterrupt = 0x1c;

  arch::MmioWindow window_;
  std::uint32_t source_ = 0;
};

}  // namespace quoll::device
