// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// FrameRun: the owner of frames that follow one another.
#pragma once

#include <cstdint>
#include <utility>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

class FrameAllocator;
class FrameList;

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
  /// Moves the frames into a list of the same allocator, the lowest first: from here on each is
  /// owned, shared and given back alone.
  void split_into(FrameList& list) noexcept;
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

}  // namespace quoll::vm
