// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The device's side of a virtio console, for a driver under test: honest when asked to be, and
// able to write anything anywhere that a device may write.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers::testing {

/// Shared memory: the bus address of a byte is an offset into it, plus a base.
class Memory {
 public:
  static constexpr std::uint64_t kBase = 0x8000'0000;
  /// As `DmaSource` asks; nothing when `refuse_after` allocations have been made.
  DmaRegion allocate(std::size_t size) {
    if (allocations_++ >= refuse_after) return {};
    const std::size_t at = bytes_.size();
    blocks_.push_back(std::make_unique<std::vector<std::byte>>(size));
    bytes_.resize(at + size);
    starts_.push_back(at);
    return {blocks_.back()->data(), kBase + at, size};
  }
  /// The bytes behind a bus address; null when any of them is not shared memory.
  std::byte* at(std::uint64_t address, std::size_t size) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const std::uint64_t start = kBase + starts_[i];
      if (address >= start && address + size <= start + blocks_[i]->size()) {
        return blocks_[i]->data() + (address - start);
      }
    }
    return nullptr;
  }
  std::vector<std::byte>& block(std::size_t index) { return *blocks_[index]; }
  std::size_t block_count() const { return blocks_.size(); }
  std::size_t refuse_after = ~std::size_t{0};

 private:
  std::size_t allocations_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> starts_;
  std::vector<std::unique_ptr<std::vector<std::byte>>> blocks_;
};

/// Registers and queues of the device.
class ConsoleDevice {
 public:
  explicit ConsoleDevice(Memory& memory, std::uint32_t ports = 4)
      : memory_(memory), ports_(ports) {}

  struct Control {
    std::uint32_t port;
    std::uint16_t event;
    std::uint16_t value;
  };

  std::uint32_t read(std::size_t offset) {
    switch (offset) {
      case 0x000:
        return 0x74726976;
      case 0x004:
        return version;
      case 0x008:
        return 3;
      case 0x010:
        return features_select_ == 0 ? features_low : 1;
      case 0x034:
        return queue_size_max;
      case 0x044:
        return queues_[selected_].ready;
      case 0x060:
        return 1;
      case 0x070:
        return refuse_features ? registers_[0x070] & ~8U : registers_[0x070];
      case 0x104:
        return ports_;
      default:
        return registers_[offset];
    }
  }
  void write(std::size_t offset, std::uint32_t value) {
    registers_[offset] = value;
    Queue& queue = queues_[selected_];
    switch (offset) {
      case 0x014:
        features_select_ = value;
        break;
      case 0x030:
        selected_ = value;
        break;
      case 0x038:
        queue.size = value;
        break;
      case 0x044:
        queue.ready = value;
        break;
      case 0x080:
        queue.descriptors = value;
        break;
      case 0x090:
        queue.available = value;
        break;
      case 0x0a0:
        queue.used = value;
        break;
      default:
        break;
    }
  }

  /// Puts bytes into the driver's next buffer of a queue; false when it has given none.
  bool deliver(std::uint32_t index, std::string_view bytes) {
    Queue& queue = queues_[index];
    const auto slot = next_available(queue);
    if (!slot) return false;
    const auto [address, length] = descriptor(queue, *slot);
    if (bytes.size() > length) return false;
    std::byte* const buffer = memory_.at(address, bytes.size());
    if (buffer == nullptr) return false;
    std::memcpy(buffer, bytes.data(), bytes.size());
    give_back(queue, *slot, static_cast<std::uint32_t>(bytes.size()));
    return true;
  }
  /// Takes the driver's next buffer of a queue; nothing when there is none.
  std::optional<std::string> take(std::uint32_t index) {
    Queue& queue = queues_[index];
    const auto slot = next_available(queue);
    if (!slot) return std::nullopt;
    const auto [address, length] = descriptor(queue, *slot);
    const std::byte* const buffer = memory_.at(address, length);
    if (buffer == nullptr) return std::nullopt;
    std::string bytes(length, '\0');
    std::memcpy(bytes.data(), buffer, length);
    give_back(queue, *slot, 0);
    return bytes;
  }
  bool control(std::uint32_t port, std::uint16_t event, std::uint16_t value,
               std::string_view name = {}) {
    const Control header{port, event, value};
    std::string message(sizeof header, '\0');
    std::memcpy(message.data(), &header, sizeof header);
    message += name;
    return deliver(2, message);
  }
  std::optional<Control> take_control() {
    const auto message = take(3);
    if (!message || message->size() != sizeof(Control)) return std::nullopt;
    Control control{};
    std::memcpy(&control, message->data(), sizeof control);
    return control;
  }
  static std::uint32_t receive_queue(std::uint32_t port) { return port == 0 ? 0 : 2 + 2 * port; }
  static std::uint32_t transmit_queue(std::uint32_t port) { return receive_queue(port) + 1; }

  std::uint32_t status() { return registers_[0x070]; }

  std::uint32_t version = 2;
  std::uint32_t features_low = 2;
  std::uint32_t queue_size_max = 1024;
  bool refuse_features = false;

 private:
  struct Queue {
    std::uint32_t ready = 0;
    std::uint32_t size = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t available = 0;
    std::uint64_t used = 0;
    std::uint16_t taken = 0;
    std::uint16_t given = 0;
  };
  template <typename T>
  T load(std::uint64_t address) {
    T value{};
    if (const std::byte* const bytes = memory_.at(address, sizeof value)) {
      std::memcpy(&value, bytes, sizeof value);
    }
    return value;
  }
  template <typename T>
  void store(std::uint64_t address, T value) {
    if (std::byte* const bytes = memory_.at(address, sizeof value)) {
      std::memcpy(bytes, &value, sizeof value);
    }
  }
  std::optional<std::uint16_t> next_available(Queue& queue) {
    if (queue.ready == 0 || load<std::uint16_t>(queue.available + 2) == queue.taken) {
      return std::nullopt;
    }
    return load<std::uint16_t>(queue.available + 4 + queue.taken++ % queue.size * std::uint64_t{2});
  }
  std::pair<std::uint64_t, std::uint32_t> descriptor(Queue& queue, std::uint16_t slot) {
    const std::uint64_t at = queue.descriptors + std::uint64_t{slot} * 16;
    return {load<std::uint64_t>(at), load<std::uint32_t>(at + 8)};
  }
  void give_back(Queue& queue, std::uint16_t slot, std::uint32_t length) {
    const std::uint64_t at = queue.used + 4 + queue.given % queue.size * std::uint64_t{8};
    store<std::uint32_t>(at, slot);
    store<std::uint32_t>(at + 4, length);
    store<std::uint16_t>(queue.used + 2, ++queue.given);
  }

  Memory& memory_;
  std::uint32_t ports_;
  std::uint32_t features_select_ = 0;
  std::uint32_t selected_ = 0;
  std::map<std::size_t, std::uint32_t> registers_;
  std::map<std::uint32_t, Queue> queues_;
};

/// The driver's window onto the device.
class DeviceWindow {
 public:
  explicit DeviceWindow(ConsoleDevice& device) : device_(&device) {}
  std::uint8_t read8(std::size_t offset) const {
    return static_cast<std::uint8_t>(device_->read(offset));
  }
  void write8(std::size_t offset, std::uint8_t value) const { device_->write(offset, value); }
  std::uint32_t read32(std::size_t offset) const { return device_->read(offset); }
  void write32(std::size_t offset, std::uint32_t value) const { device_->write(offset, value); }

 private:
  ConsoleDevice* device_;
};

}  // namespace quoll::drivers::testing
