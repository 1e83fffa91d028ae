// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Owners of frames: one frame, shared or not; a run of frames; a list of single ones.
#pragma once

#include <cstdint>
#include <utility>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>

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
  /// Gives up this reference now.
  void reset() noexcept;

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

/// Owns frames that follow one another in physical memory, or nothing. Not shared.
class [[nodiscard]] FrameRun {
 public:
  constexpr FrameRun() = default;
  FrameRun(FrameRun&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        start_(other.start_),
        count_(std::exchange(other.count_, 0)) {}
  FrameRun& operator=(FrameRun&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(start_, other.start_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~FrameRun() { reset(); }

  explicit operator bool() const noexcept { return owner_ != nullptr; }
  mem::PhysicalAddress start() const noexcept { return start_; }
  std::uint64_t count() const noexcept { return count_; }
  mem::PhysicalRange range() const noexcept {
    return mem::PhysicalRange(start_, count_ * mem::kPageSize);
  }
  /// The run's bytes, through the physical map.
  void* data() const noexcept;
  void reset() noexcept;
  /// Takes the run out of the handle's care.
  [[nodiscard]] mem::PhysicalAddress leak() noexcept {
    owner_ = nullptr;
    count_ = 0;
    return start_;
  }

 private:
  friend class FrameAllocator;
  FrameRun(FrameAllocator& owner, mem::PhysicalAddress start, std::uint64_t count) noexcept
      : owner_(&owner), start_(start), count_(count) {}

  FrameAllocator* owner_ = nullptr;
  mem::PhysicalAddress start_;
  std::uint64_t count_ = 0;
};

/// Owns any number of single frames without allocating: they are chained in their metadata.
/// *Requires*: frames put in are owned by nobody else.
class [[nodiscard]] FrameList {
 public:
  explicit FrameList(FrameAllocator& owner) noexcept : owner_(&owner) {}
  FrameList(const FrameList&) = delete;
  FrameList& operator=(const FrameList&) = delete;
  ~FrameList() { release_all(); }

  void push(Frame frame) noexcept;
  std::uint64_t count() const noexcept { return count_; }
  void release_all() noexcept;

 private:
  FrameAllocator* owner_;
  std::uint32_t first_ = 0xffff'ffff;
  std::uint64_t count_ = 0;
};

}  // namespace quoll::vm
