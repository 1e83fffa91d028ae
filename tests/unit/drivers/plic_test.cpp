// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <map>
#include <memory>

#include <quoll/drivers/goldfish_rtc.hpp>
#include <quoll/drivers/plic.hpp>
#include <quoll/drivers/test_device.hpp>
#include <quoll/drivers/uart16550.hpp>

namespace quoll::drivers {
namespace {

/// Registers that keep what was written.
class FakeWindow {
 public:
  std::uint8_t read8(std::size_t offset) { return static_cast<std::uint8_t>((*words_)[offset]); }
  void write8(std::size_t offset, std::uint8_t value) { (*words_)[offset] = value; }
  std::uint32_t read32(std::size_t offset) { return (*words_)[offset]; }
  void write32(std::size_t offset, std::uint32_t value) { (*words_)[offset] = value; }
  std::uint32_t& at(std::size_t offset) { return (*words_)[offset]; }

 private:
  std::shared_ptr<std::map<std::size_t, std::uint32_t>> words_ =
      std::make_shared<std::map<std::size_t, std::uint32_t>>();
};

TEST(Plic, RoutesMasksAndClaims) {
  FakeWindow window;
  Plic<FakeWindow> plic(window, 95);
  EXPECT_FALSE(plic.is_source(0));
  EXPECT_TRUE(plic.is_source(95));
  EXPECT_FALSE(plic.is_source(96));
  plic.route(33, 3);
  plic.route(34, 3);
  EXPECT_EQ(window.at(0x2000 + 3 * 0x80 + 4), 6u);
  plic.set_priority(33, 1);
  EXPECT_EQ(window.at(33 * 4), 1u);
  plic.mask(33);
  EXPECT_EQ(window.at(33 * 4), 0u);
  window.at(0x20'0000 + 3 * 0x1000 + 4) = 33;
  EXPECT_EQ(plic.claim(3), 33u);
  plic.reset_context(3);
  EXPECT_EQ(window.at(0x2000 + 3 * 0x80 + 4), 0u);
}

TEST(Uart16550, FindsItsRegistersByShiftAndWidth) {
  FakeWindow window;
  Uart16550<FakeWindow> uart(window, {.shift = 2, .width = 4});
  EXPECT_FALSE(uart.try_transmit('p'));
  EXPECT_EQ(window.at(0), 0u);
  EXPECT_FALSE(uart.receive().has_value());
  window.at(5 << 2) = 0x21;
  window.at(0) = 'q';
  EXPECT_EQ(uart.receive(), 'q');
  EXPECT_TRUE(uart.try_transmit('p'));
  EXPECT_EQ(window.at(0), 'p');
}

TEST(TestDevice, EncodesStatuses) {
  EXPECT_EQ(test_device::command_for(0), 0x5555u);
  EXPECT_EQ(test_device::command_for(125), 0x7d3333u);
}

TEST(GoldfishRtc, PutsTheHalvesTogether) {
  FakeWindow window;
  window.at(0) = 5;
  window.at(4) = 1;
  EXPECT_EQ(read_goldfish_rtc(window), 0x1'0000'0005u);
}

}  // namespace
}  // namespace quoll::drivers
