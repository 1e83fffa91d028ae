// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Scarcity of frames: all but a few are held for a while.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <quoll/kernel/mem/frame_alloc.hpp>

namespace quoll::model {

/// Leaves an allocator with `left` frames, or fewer if it has fewer, until the scope ends.
class Scarcity {
 public:
  Scarcity(vm::FrameAllocator& frames, std::uint64_t left) : held_(frames) {
    for (std::uint64_t more = frames.available_frames(); more > left; --more) {
      auto frame = frames.allocate();
      if (!frame) break;
      numbers_.push_back(frame->address().value() / mem::kPageSize);
      held_.push(std::move(*frame));
    }
  }
  std::uint64_t count() const { return numbers_.size(); }
  const std::vector<std::uint64_t>& numbers() const { return numbers_; }

 private:
  vm::FrameList held_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace quoll::model
