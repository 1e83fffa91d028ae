// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A device that interrupts when a test wants it to.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/arch/mmio.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>

namespace quoll::device {

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
    source_ = irq::source_of(walk).value_or(0);
    shift_ = node->u32("reg-shift").value_or(0);
    return true;
  }
  /// The interrupt that it raises; 0: none.
  std::uint32_t source() const { return source_; }

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
  std::uint32_t source_ = 0;
};

}  // namespace quoll::device
