// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>

#include <quoll/drivers/virtio_console.hpp>

#include "fake_console_device.hpp"

namespace quoll::drivers {
namespace {

using testing::ConsoleDevice;
using testing::DeviceWindow;
using testing::Memory;
using Console = VirtioConsole<DeviceWindow>;

constexpr std::uint16_t kPortAdd = 1;
constexpr std::uint16_t kPortRemove = 2;
constexpr std::uint16_t kPortOpen = 6;
constexpr std::uint16_t kPortName = 7;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class VirtioConsoleTest : public ::testing::Test {
 protected:
  /// Brings the device up with port 1 named and open on both sides.
  void open_port() {
    ASSERT_TRUE(console_.start(memory_).has_value());
    ASSERT_TRUE(device_.control(1, kPortAdd, 0));
    ASSERT_TRUE(device_.control(1, kPortName, 1, "quoll.stdin"));
    ASSERT_TRUE(device_.control(1, kPortOpen, 1));
    EXPECT_EQ(console_.handle_events(), 2u);
    ASSERT_EQ(console_.port_name(1), "quoll.stdin");
    ASSERT_TRUE(console_.open(1, memory_).has_value());
    while (device_.take_control()) {
    }
    (void)console_.handle_events();
  }
  std::string read_all(std::size_t most = 4096) {
    std::string text(most, '?');
    const auto got = console_.read(1, std::as_writable_bytes(std::span(text)));
    text.resize(got ? *got : 0);
    return text;
  }

  PortError read_error() {
    std::byte byte{};
    return console_.read(1, std::span(&byte, 1)).error();
  }

  Memory memory_;
  ConsoleDevice device_{memory_};
  Console console_{DeviceWindow(device_)};
};

TEST_F(VirtioConsoleTest, AnswersTheHandshakeInOrder) {
  ASSERT_TRUE(console_.start(memory_).has_value());
  const auto ready = device_.take_control();
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(ready->event, 0);
  EXPECT_EQ(ready->value, 1);
  device_.control(1, kPortAdd, 0);
  (void)console_.handle_events();
  const auto port_ready = device_.take_control();
  ASSERT_TRUE(port_ready.has_value());
  EXPECT_EQ(port_ready->port, 1u);
  EXPECT_EQ(port_ready->event, 3);
  EXPECT_EQ(port_ready->value, 1);
}

TEST_F(VirtioConsoleTest, PortsThatItHasNoQueuesForAreDeclined) {
  ASSERT_TRUE(console_.start(memory_).has_value());
  (void)device_.take_control();
  device_.control(77, kPortAdd, 0);
  device_.control(77, kPortName, 1, "elsewhere");
  EXPECT_EQ(console_.handle_events(), 0u);
  const auto declined = device_.take_control();
  ASSERT_TRUE(declined.has_value());
  EXPECT_EQ(declined->port, 77u);
  EXPECT_EQ(declined->value, 0);
}

TEST_F(VirtioConsoleTest, BytesComeInOrderAndInPieces) {
  open_port();
  EXPECT_FALSE(console_.readable(1));
  EXPECT_EQ(read_error(), PortError::kWouldBlock);
  ASSERT_TRUE(device_.deliver(ConsoleDevice::receive_queue(1), "hello "));
  ASSERT_TRUE(device_.deliver(ConsoleDevice::receive_queue(1), "world"));
  EXPECT_EQ(console_.handle_events(), 2u);
  EXPECT_EQ(read_all(3), "hel");
  EXPECT_EQ(read_all(5), "lo wo");
  EXPECT_EQ(read_all(), "rld");
  EXPECT_FALSE(console_.readable(1));
}

TEST_F(VirtioConsoleTest, AReaderThatIsSlowHoldsTheDeviceBack) {
  open_port();
  unsigned taken = 0;
  while (device_.deliver(ConsoleDevice::receive_queue(1), "x")) ++taken;
  EXPECT_EQ(taken, Console::kQueueSize);
  (void)console_.handle_events();
  EXPECT_FALSE(device_.deliver(ConsoleDevice::receive_queue(1), "x"));
  EXPECT_EQ(read_all(1), "x");
  EXPECT_TRUE(device_.deliver(ConsoleDevice::receive_queue(1), "y"));
  (void)console_.handle_events();
  EXPECT_EQ(read_all(), "xxxxxxxy");
}

TEST_F(VirtioConsoleTest, TheEndOfFileComesAfterTheBytes) {
  open_port();
  device_.deliver(ConsoleDevice::receive_queue(1), "last");
  device_.control(1, kPortOpen, 0);
  (void)console_.handle_events();
  EXPECT_EQ(read_all(), "last");
  EXPECT_TRUE(console_.readable(1));
  std::byte byte{};
  EXPECT_EQ(*console_.read(1, std::span(&byte, 1)), 0u);
  EXPECT_EQ(*console_.read(1, std::span(&byte, 1)), 0u);
  EXPECT_EQ(console_.write(1, bytes_of("x")).error(), PortError::kClosed);
  EXPECT_TRUE(console_.writable(1));
  // A host that comes back is served again.
  device_.control(1, kPortOpen, 1);
  (void)console_.handle_events();
  EXPECT_FALSE(console_.readable(1));
}

TEST_F(VirtioConsoleTest, WritingStopsWhenTheHostTakesNothing) {
  open_port();
  const std::string much(Console::kTransmitBuffer * Console::kTransmitSlots + 500, 'w');
  const auto first = console_.write(1, bytes_of(much));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*first, std::size_t{Console::kTransmitBuffer} * Console::kTransmitSlots);
  EXPECT_FALSE(console_.writable(1));
  EXPECT_FALSE(console_.drained(1));
  EXPECT_EQ(console_.write(1, bytes_of("x")).error(), PortError::kWouldBlock);
  std::string taken;
  while (const auto part = device_.take(ConsoleDevice::transmit_queue(1))) taken += *part;
  EXPECT_EQ(taken, much.substr(0, *first));
  EXPECT_EQ(console_.handle_events(), 2u);
  EXPECT_TRUE(console_.writable(1));
  EXPECT_TRUE(console_.drained(1));
}

TEST_F(VirtioConsoleTest, RefusesDevicesThatItCannotDrive) {
  device_.features_low = 0;
  EXPECT_EQ(console_.start(memory_).error(), VirtioError::kMissingFeature);
  EXPECT_NE(device_.status() & 128, 0u);
  device_.features_low = 2;
  device_.refuse_features = true;
  EXPECT_EQ(console_.start(memory_).error(), VirtioError::kFeaturesRefused);
  device_.refuse_features = false;
  device_.queue_size_max = 4;
  EXPECT_EQ(console_.start(memory_).error(), VirtioError::kQueueMissing);
  device_.version = 1;
  EXPECT_EQ(VirtioMmio(DeviceWindow(device_)).identify().error(), VirtioError::kLegacy);
}

TEST_F(VirtioConsoleTest, SaysWhenThereIsNoMemory) {
  memory_.refuse_after = 0;
  EXPECT_EQ(console_.start(memory_).error(), VirtioError::kOutOfMemory);
  memory_.refuse_after = 3;
  open_port();
  EXPECT_EQ(console_.open(2, memory_).error(), PortError::kFailed);
}

TEST_F(VirtioConsoleTest, APortThatIsRemovedIsClosed) {
  open_port();
  device_.control(1, kPortRemove, 0);
  (void)console_.handle_events();
  EXPECT_EQ(console_.write(1, bytes_of("x")).error(), PortError::kClosed);
}

TEST_F(VirtioConsoleTest, NamesAreCutAndAnyBytesAreTaken) {
  ASSERT_TRUE(console_.start(memory_).has_value());
  device_.control(1, kPortName, 1, std::string(50, 'n'));
  device_.control(2, kPortName, 1, std::string_view("a\0", 2));
  device_.control(3, kPortName, 1, "");
  (void)console_.handle_events();
  EXPECT_EQ(console_.port_name(1).size(), Console::kMaxName);
  EXPECT_EQ(console_.port_name(2), "a");
  EXPECT_EQ(console_.port_name(3), "");
}

TEST_F(VirtioConsoleTest, ADeviceThatAsksWithoutEndIsGivenUp) {
  ASSERT_TRUE(console_.start(memory_).has_value());
  // It never takes what the driver answers.
  for (unsigned i = 0; i < 200; ++i) {
    device_.control(i % 4, kPortAdd, 0);
    (void)console_.handle_events();
  }
  EXPECT_TRUE(console_.control_failed());
}

TEST_F(VirtioConsoleTest, SurvivesDevicesThatWriteAnything) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int machine = 0; machine < 150; ++machine) {
    Memory memory;
    ConsoleDevice device(memory);
    auto console = std::make_unique<Console>(DeviceWindow(device));
    ASSERT_TRUE(console->start(memory).has_value());
    std::array<std::byte, 3000> buffer{};
    for (int step = 0; step < 400; ++step) {
      const auto port = static_cast<std::uint32_t>(random() % 4);
      switch (random() % 8) {
        case 0:
          device.control(static_cast<std::uint32_t>(random() % 6),
                         static_cast<std::uint16_t>(random() % 9),
                         static_cast<std::uint16_t>(random() % 3), std::string(random() % 50, 'x'));
          break;
        case 1:
          (void)console->open(port, memory);
          break;
        case 2:
          (void)device.deliver(ConsoleDevice::receive_queue(port),
                               std::string(random() % 513, 'd'));
          break;
        case 3:
          (void)device.take(random() % 10);
          break;
        case 4: {
          const auto got = console->read(port, std::span(buffer).first(random() % buffer.size()));
          if (got) ASSERT_LE(*got, buffer.size());
          break;
        }
        case 5: {
          const auto size = random() % buffer.size();
          const auto put = console->write(port, std::span(buffer).first(size));
          if (put) ASSERT_LE(*put, size);
          break;
        }
        default:
          break;
      }
      if (random() % 6 == 0) {
        auto& block = memory.block(random() % memory.block_count());
        block[random() % block.size()] = static_cast<std::byte>(random());
      }
      (void)console->handle_events();
    }
  }
}

}  // namespace
}  // namespace quoll::drivers
