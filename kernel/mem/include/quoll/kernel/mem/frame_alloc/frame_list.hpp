// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// FrameList: the owner of any number of single frames, chained in their records.
#pragma once

#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/frame.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>

namespace quoll::vm {

class FrameAllocator;

/// Owns any number of single frames without allocating. Last in, first out.
/// *Requires*: frames put in have no other owner: their records chain one list.
class [[nodiscard]] FrameList {
 public:
  explicit FrameList(FrameAllocator& owner) noexcept : owner_(&owner) {}
  FrameList(const FrameList&) = delete;
  FrameList& operator=(const FrameList&) = delete;
  ~FrameList() { release_all(); }

  /// *Requires*: the handle owns a frame, alone.
  void push(Frame frame) noexcept;
  /// The frame that was put in last; an empty handle when there is none.
  Frame pop() noexcept;
  /// Takes all frames of another list of the same allocator.
  void splice(FrameList& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  bool is_empty() const noexcept { return count_ == 0; }
  void release_all() noexcept;

 private:
  FrameAllocator* owner_;
  FrameNumber first_ = kNoFrame;
  FrameNumber last_ = kNoFrame;
  std::uint64_t count_ = 0;
};

}  // namespace quoll::vm
