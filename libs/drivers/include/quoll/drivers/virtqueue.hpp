// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A split virtqueue (virtio 1.2, section 2.7) of single-descriptor buffers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers {

/// Why a queue is given up.
enum class QueueError : std::uint8_t { kDeviceMisbehaved };

/// A buffer that the device has finished with.
struct UsedBuffer {
  std::uint16_t slot = 0;
  /// What the device wrote; 0 for buffers that it only read.
  std::uint32_t length = 0;
};

/// `kSize` slots; slot `i` uses descriptor `i`. What counts is kept in this object, which the
/// device cannot reach; the shared rings are written, and of what the device writes there only
/// checked values are used.
template <std::uint16_t kSize>
class VirtQueue {
  static_assert(kSize != 0 && (kSize & (kSize - 1)) == 0);

 public:
  static constexpr std::size_t kAvailableOffset = std::size_t{kSize} * 16;
  static constexpr std::size_t kUsedOffset =
      (kAvailableOffset + 6 + std::size_t{kSize} * 2 + 3) & ~std::size_t{3};
  /// Bytes of shared memory that a queue takes, aligned for the next.
  static constexpr std::size_t kBytes =
      (kUsedOffset + 6 + std::size_t{kSize} * 8 + 15) & ~std::size_t{15};

  VirtQueue() = default;
  /// *Requires*: `memory` has `kBytes`, zeroed, aligned to 16.
  explicit VirtQueue(DmaRegion memory) noexcept : memory_(memory) {}

  std::uint64_t descriptor_address() const noexcept { return memory_.bus_address; }
  std::uint64_t available_address() const noexcept {
    return memory_.bus_address + kAvailableOffset;
  }
  std::uint64_t used_address() const noexcept { return memory_.bus_address + kUsedOffset; }

  bool failed() const noexcept { return failed_; }
  std::uint16_t outstanding() const noexcept { return outstanding_; }
  bool is_outstanding(std::uint16_t slot) const noexcept { return lengths_[slot] != 0; }

  /// Gives a slot's buffer to the device, to write into or to read from.
  /// *Requires*: the slot is not outstanding; `length` is not 0.
  void submit(std::uint16_t slot, std::uint64_t bus_address, std::uint32_t length,
              bool device_writes) noexcept {
    QUOLL_ASSERT(slot < kSize && length != 0 && lengths_[slot] == 0);
    lengths_[slot] = length;
    writable_[slot] = device_writes;
    ++outstanding_;
    const Descriptor descriptor{bus_address, length,
                                static_cast<std::uint16_t>(device_writes ? kDeviceWrites : 0), 0};
    std::memcpy(memory_.bytes + std::size_t{slot} * sizeof descriptor, &descriptor,
                sizeof descriptor);
    store16(kAvailableOffset + 4 + (available_ % kSize) * std::size_t{2}, slot);
    ++available_;
    // The device sees the index only after what it leads to.
    std::atomic_thread_fence(std::memory_order_release);
    store16(kAvailableOffset + 2, available_);
  }

  /// The next buffer that has come back, if any. *Errors*: the device wrote nonsense; the queue
  /// then stays failed.
  base::Result<std::optional<UsedBuffer>, QueueError> take_used() noexcept {
    if (failed_) return base::err(QueueError::kDeviceMisbehaved);
    const std::uint16_t index = load16(kUsedOffset + 2);
    const auto ready = static_cast<std::uint16_t>(index - used_);
    if (ready == 0) return std::optional<UsedBuffer>();
    if (ready > outstanding_) return fail();
    std::atomic_thread_fence(std::memory_order_acquire);
    const std::size_t at = kUsedOffset + 4 + (used_ % kSize) * std::size_t{8};
    const std::uint32_t id = load32(at);
    const std::uint32_t length = load32(at + 4);
    if (id >= kSize || lengths_[id] == 0) return fail();
    if (writable_[id] && length > lengths_[id]) return fail();
    const bool wrote = writable_[id];
    lengths_[id] = 0;
    --outstanding_;
    ++used_;
    return std::optional(UsedBuffer{static_cast<std::uint16_t>(id), wrote ? length : 0});
  }

 private:
  struct Descriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags;
    std::uint16_t next;
  };
  static constexpr std::uint16_t kDeviceWrites = 2;

  base::Unexpected<QueueError> fail() noexcept {
    failed_ = true;
    return base::err(QueueError::kDeviceMisbehaved);
  }

  // Single accesses that the compiler neither splits nor repeats: the device is at it too.
  std::uint16_t load16(std::size_t offset) const noexcept {
    // SAFETY: inside the region, aligned by construction.
    return *reinterpret_cast<const volatile std::uint16_t*>(memory_.bytes + offset);
  }
  std::uint32_t load32(std::size_t offset) const noexcept {
    // SAFETY: inside the region, aligned by construction.
    return *reinterpret_cast<const volatile std::uint32_t*>(memory_.bytes + offset);
  }
  void store16(std::size_t offset, std::uint16_t value) noexcept {
    // SAFETY: inside the region, aligned by construction.
    *reinterpret_cast<volatile std::uint16_t*>(memory_.bytes + offset) = value;
  }

  DmaRegion memory_;
  std::array<std::uint32_t, kSize> lengths_{};
  std::array<bool, kSize> writable_{};
  std::uint16_t available_ = 0;
  std::uint16_t used_ = 0;
  std::uint16_t outstanding_ = 0;
  bool failed_ = false;
};

}  // namespace quoll::drivers
