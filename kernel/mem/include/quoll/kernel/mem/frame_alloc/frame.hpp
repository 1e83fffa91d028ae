// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frame: an owner of one frame, alone or with others.
#pragma once

#include <cstdint>
#include <utility>

#include <quoll/mem/address.hpp>

namespace quoll::vm {

class FrameAllocator;

/// Owns one reference to one frame, or nothing. The last reference gives the frame back.
class [[nodiscard]] Frame {
 public:
  constexpr Frame() = default;
  Frame(Frame&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), address_(other.address_) {}
  Frame& operator=(Frame&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(address_, other.address_);
    return *this;
  }
  ~Frame() { reset(); }

  explicit operator bool() const noexcept { return owner_ != nullptr; }
  /// *Requires*: it owns a frame.
  mem::PhysicalAddress address() const noexcept { return address_; }
  /// The frame's bytes, through the physical map.
  void* data() const noexcept;
  /// A further owner of the same frame.
  Frame share() const noexcept;
  /// Whether this is the only owner.
  bool is_unique() const noexcept;
  /// Whether this is the frame of zeros, to which nobody writes.
  bool is_zero_frame() const noexcept;
  /// How many owners there are, for reports and tests: others may come and go meanwhile.
  std::uint32_t reference_count() const noexcept;
  /// Gives up this reference now.
  inline void reset() noexcept;

  /// Takes the reference out of the handle's care, to be kept in a page table.
  [[nodiscard]] mem::PhysicalAddress leak() noexcept {
    owner_ = nullptr;
    return address_;
  }
  /// The opposite: makes a handle of a reference that was leaked.
  static Frame adopt(FrameAllocator& owner, mem::PhysicalAddress address) noexcept {
    return Frame(owner, address);
  }

 private:
  Frame(FrameAllocator& owner, mem::PhysicalAddress address) noexcept
      : owner_(&owner), address_(address) {}

  FrameAllocator* owner_ = nullptr;
  mem::PhysicalAddress address_;
};

}  // namespace quoll::vm

// What gives a frame back is inline, and needs to know the allocator.
#include <quoll/kernel/mem/frame_alloc/frame_allocator.hpp>
