// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The virtio MMIO transport, version 2 (virtio 1.2, section 4.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers {

/// Why a device is not driven.
enum class VirtioError : std::uint8_t {
  kNotVirtio,        ///< no magic number
  kLegacy,           ///< version 1: refused
  kMissingFeature,   ///< the device lacks one that the driver needs
  kFeaturesRefused,  ///< the device does not accept what the driver chose
  kQueueMissing,     ///< the device has fewer or smaller queues than needed
  kOutOfMemory,
};

constexpr const char* to_string(VirtioError error) noexcept {
  switch (error) {
    case VirtioError::kNotVirtio:
      return "not a virtio device";
    case VirtioError::kLegacy:
      return "legacy interface; only virtio 1 is supported";
    case VirtioError::kMissingFeature:
      return "lacks a feature that is needed";
    case VirtioError::kFeaturesRefused:
      return "refuses the features it offered";
    case VirtioError::kQueueMissing:
      return "has too few or too small queues";
    case VirtioError::kOutOfMemory:
      return "no memory for its queues";
  }
  return "unknown error";
}

namespace virtio {
inline constexpr std::uint32_t kDeviceNone = 0;
inline constexpr std::uint32_t kDeviceConsole = 3;
inline constexpr std::uint64_t kFeatureVersion1 = std::uint64_t{1} << 32;
}  // namespace virtio

template <Mmio M>
class VirtioMmio {
 public:
  explicit VirtioMmio(M window) noexcept : window_(window) {}

  /// The device behind the window; `virtio::kDeviceNone` is an empty slot.
  base::Result<std::uint32_t, VirtioError> identify() noexcept {
    if (window_.read32(kMagic) != kMagicValue) return base::err(VirtioError::kNotVirtio);
    const std::uint32_t version = window_.read32(kVersion);
    const std::uint32_t device = window_.read32(kDeviceId);
    if (device != virtio::kDeviceNone && version != 2) return base::err(VirtioError::kLegacy);
    return device;
  }

  /// Resets the device and agrees on `wanted`, all of which it must offer.
  base::Result<void, VirtioError> negotiate(std::uint64_t wanted) noexcept {
    window_.write32(kStatus, 0);
    add_status(kAcknowledge);
    add_status(kDriver);
    window_.write32(kDeviceFeaturesSelect, 0);
    std::uint64_t offered = window_.read32(kDeviceFeatures);
    window_.write32(kDeviceFeaturesSelect, 1);
    offered |= std::uint64_t{window_.read32(kDeviceFeatures)} << 32;
    if ((offered & wanted) != wanted) return refuse(VirtioError::kMissingFeature);
    window_.write32(kDriverFeaturesSelect, 0);
    window_.write32(kDriverFeatures, static_cast<std::uint32_t>(wanted));
    window_.write32(kDriverFeaturesSelect, 1);
    window_.write32(kDriverFeatures, static_cast<std::uint32_t>(wanted >> 32));
    add_status(kFeaturesOk);
    if ((window_.read32(kStatus) & kFeaturesOk) == 0) {
      return refuse(VirtioError::kFeaturesRefused);
    }
    return {};
  }

  /// Tells the device where a queue of `size` slots is.
  template <typename Queue>
  base::Result<void, VirtioError> set_up_queue(std::uint32_t index, std::uint16_t size,
                                               const Queue& queue) noexcept {
    window_.write32(kQueueSelect, index);
    if (window_.read32(kQueueReady) != 0 || window_.read32(kQueueSizeMax) < size) {
      return refuse(VirtioError::kQueueMissing);
    }
    window_.write32(kQueueSize, size);
    write_address(kQueueDescriptors, queue.descriptor_address());
    write_address(kQueueAvailable, queue.available_address());
    write_address(kQueueUsed, queue.used_address());
    window_.write32(kQueueReady, 1);
    return {};
  }

  void set_driver_ok() noexcept { add_status(kDriverOk); }
  /// Tells the device that the driver has given up.
  void set_failed() noexcept { add_status(kFailed); }
  void notify(std::uint32_t queue) noexcept { window_.write32(kQueueNotify, queue); }
  /// Takes note of the pending interrupt reasons; false when there are none.
  bool acknowledge_interrupt() noexcept {
    const std::uint32_t reasons = window_.read32(kInterruptStatus);
    if (reasons == 0) return false;
    window_.write32(kInterruptAcknowledge, reasons);
    return true;
  }
  std::uint32_t read_config32(std::size_t offset) noexcept {
    return window_.read32(kConfig + offset);
  }

 private:
  static constexpr std::uint32_t kMagicValue = 0x74726976;  // "virt"
  static constexpr std::size_t kMagic = 0x000;
  static constexpr std::size_t kVersion = 0x004;
  static constexpr std::size_t kDeviceId = 0x008;
  static constexpr std::size_t kDeviceFeatures = 0x010;
  static constexpr std::size_t kDeviceFeaturesSelect = 0x014;
  static constexpr std::size_t kDriverFeatures = 0x020;
  static constexpr std::size_t kDriverFeaturesSelect = 0x024;
  static constexpr std::size_t kQueueSelect = 0x030;
  static constexpr std::size_t kQueueSizeMax = 0x034;
  static constexpr std::size_t kQueueSize = 0x038;
  static constexpr std::size_t kQueueReady = 0x044;
  static constexpr std::size_t kQueueNotify = 0x050;
  static constexpr std::size_t kInterruptStatus = 0x060;
  static constexpr std::size_t kInterruptAcknowledge = 0x064;
  static constexpr std::size_t kStatus = 0x070;
  static constexpr std::size_t kQueueDescriptors = 0x080;
  static constexpr std::size_t kQueueAvailable = 0x090;
  static constexpr std::size_t kQueueUsed = 0x0a0;
  static constexpr std::size_t kConfig = 0x100;

  static constexpr std::uint32_t kAcknowledge = 1;
  static constexpr std::uint32_t kDriver = 2;
  static constexpr std::uint32_t kDriverOk = 4;
  static constexpr std::uint32_t kFeaturesOk = 8;
  static constexpr std::uint32_t kFailed = 128;

  void add_status(std::uint32_t bits) noexcept {
    window_.write32(kStatus, window_.read32(kStatus) | bits);
  }
  base::Unexpected<VirtioError> refuse(VirtioError why) noexcept {
    set_failed();
    return base::err(why);
  }
  void write_address(std::size_t offset, std::uint64_t address) noexcept {
    window_.write32(offset, static_cast<std::uint32_t>(address));
    window_.write32(offset + 4, static_cast<std::uint32_t>(address >> 32));
  }

  M window_;
};

}  // namespace quoll::drivers
