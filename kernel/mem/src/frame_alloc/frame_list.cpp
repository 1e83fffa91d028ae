// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lists of frames.
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>

namespace quoll::vm {

void FrameList::push(Frame frame) noexcept {
  QUOLL_ASSERT(static_cast<bool>(frame));
  QUOLL_DEBUG_ASSERT(frame.is_unique());
  const FrameNumber number = FrameAllocator::number(frame.leak());
  owner_->info(number).next = first_;
  if (first_ == kNoFrame) last_ = number;
  first_ = number;
  ++count_;
}

Frame FrameList::pop() noexcept {
  if (first_ == kNoFrame) return {};
  const FrameNumber number = first_;
  first_ = owner_->info(number).next;
  if (first_ == kNoFrame) last_ = kNoFrame;
  --count_;
  return Frame::adopt(*owner_, FrameAllocator::address(number));
}

void FrameList::splice(FrameList& other) noexcept {
  QUOLL_ASSERT(owner_ == other.owner_);
  if (&other == this || other.is_empty()) return;
  owner_->info(other.last_).next = first_;
  if (first_ == kNoFrame) last_ = other.last_;
  first_ = std::exchange(other.first_, kNoFrame);
  other.last_ = kNoFrame;
  count_ += std::exchange(other.count_, 0);
}

void FrameList::release_all() noexcept {
  while (!is_empty()) pop().reset();
}

}  // namespace quoll::vm
