// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The 16550 UART and its many relatives. Firmware has set the line up; it stays as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers {

/// How the registers are spread out: `reg-shift` and `reg-io-width` of the device tree.
struct UartLayout {
  unsigned shift = 0;
  unsigned width = 1;
};

template <Mmio M>
class Uart16550 {
 public:
  Uart16550(M window, UartLayout layout) noexcept : window_(window), layout_(layout) {}

  /// Empties the FIFOs and lets the UART interrupt for received bytes.
  void start() noexcept {
    write(kInterruptEnable, 0);
    write(kFifoControl, kFifoEnable | kFifoClearReceive | kFifoClearTransmit);
    write(kModemControl, kDataTerminalReady | kRequestToSend | kOut2);
    write(kInterruptEnable, kReceiveInterrupt);
  }

  /// False when there is no room for the byte now.
  bool try_transmit(std::uint8_t byte) noexcept {
    if ((read(kLineStatus) & kTransmitEmpty) == 0) return false;
    write(kData, byte);
    return true;
  }
  std::optional<std::uint8_t> receive() noexcept {
    if ((read(kLineStatus) & kDataReady) == 0) return std::nullopt;
    return read(kData);
  }

 private:
  static constexpr std::size_t kData = 0;
  static constexpr std::size_t kInterruptEnable = 1;
  static constexpr std::size_t kFifoControl = 2;
  static constexpr std::size_t kModemControl = 4;
  static constexpr std::size_t kLineStatus = 5;
  static constexpr std::uint8_t kReceiveInterrupt = 0x01;
  static constexpr std::uint8_t kFifoEnable = 0x01;
  static constexpr std::uint8_t kFifoClearReceive = 0x02;
  static constexpr std::uint8_t kFifoClearTransmit = 0x04;
  static constexpr std::uint8_t kDataTerminalReady = 0x01;
  static constexpr std::uint8_t kRequestToSend = 0x02;
  static constexpr std::uint8_t kOut2 = 0x08;
  static constexpr std::uint8_t kDataReady = 0x01;
  static constexpr std::uint8_t kTransmitEmpty = 0x20;

  std::uint8_t read(std::size_t reg) noexcept {
    const std::size_t offset = reg << layout_.shift;
    if (layout_.width == 4) return static_cast<std::uint8_t>(window_.read32(offset));
    return window_.read8(offset);
  }
  void write(std::size_t reg, std::uint8_t value) noexcept {
    const std::size_t offset = reg << layout_.shift;
    if (layout_.width == 4) return window_.write32(offset, value);
    window_.write8(offset, value);
  }

  M window_;
  UartLayout layout_;
};

}  // namespace quoll::drivers
