// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The nodes of a page store's tree.
//
// A node is immutable while it has several owners. An owner that reads a count of one is the only
// one, and nobody but it can make another, so it may change the node in place: as for frames
// (frame_alloc/reference_count.hpp), every other owner's reading came before its release.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// One node: of the lowest level it owns frames, above that nodes. Nothing tells its level but the
/// way to it, so the store passes that along.
class PageNode {
 public:
  static constexpr unsigned kIndexBits = 5;
  static constexpr unsigned kFanOut = 1U << kIndexBits;

  PageNode() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  PageNode(const PageNode&) = delete;
  PageNode& operator=(const PageNode&) = delete;
  /// *Requires*: what it owned has been given up.
  ~PageNode() { count_.fetch_sub(1, std::memory_order_relaxed); }

  /// How many there are on this machine.
  static std::uint64_t count() noexcept { return count_.load(std::memory_order_relaxed); }

  bool is_unique() const noexcept { return owners_.load(std::memory_order_acquire) == 1; }
  void add_owner() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  /// Whether the last owner has gone.
  [[nodiscard]] bool drop_owner() noexcept {
    return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  bool has(unsigned index) const noexcept { return slots_[index] != 0; }
  bool is_empty() const noexcept { return used_ == 0; }
  PageNode* child(unsigned index) const noexcept {
    // SAFETY: above the lowest level a slot holds what `set_child` put there, or 0.
    return reinterpret_cast<PageNode*>(slots_[index]);  // NOLINT(performance-no-int-to-ptr)
  }
  /// *Requires*: there is one.
  mem::PhysicalAddress frame(unsigned index) const noexcept {
    return mem::PhysicalAddress(slots_[index] & ~kFrameBit);
  }
  void set_child(unsigned index, PageNode* child) noexcept {
    // SAFETY: read back by `child` alone.
    set(index, reinterpret_cast<std::uintptr_t>(child));
  }
  void set_frame(unsigned index, mem::PhysicalAddress frame) noexcept {
    set(index, frame.value() | kFrameBit);
  }
  void clear(unsigned index) noexcept { set(index, 0); }

 private:
  /// The first frame of a machine may be at address 0.
  static constexpr std::uint64_t kFrameBit = 1;

  void set(unsigned index, std::uint64_t slot) noexcept {
    used_ += (slot != 0 ? 1U : 0U) - (slots_[index] != 0 ? 1U : 0U);
    slots_[index] = slot;
  }

  inline static constinit std::atomic<std::uint64_t> count_{0};

  std::atomic<std::uint32_t> owners_{1};
  std::uint32_t used_ = 0;
  std::array<std::uint64_t, kFanOut> slots_{};
};

}  // namespace quoll::vm
