// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Owners of frames.
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/frame.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>

namespace quoll::vm {

void* Frame::data() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return owner_->phys_map().pointer(address_);
}

Frame Frame::share() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  FrameInfo& info = owner_->info(address_);
  // A count that was zero has an owner no longer: nobody may revive the frame.
  const auto before = __atomic_fetch_add(&info.references, 1, __ATOMIC_RELAXED);
  QUOLL_ASSERT(before != 0 && before != UINT32_MAX);
  return adopt(*owner_, address_);
}

bool Frame::is_unique() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return __atomic_load_n(&owner_->info(address_).references, __ATOMIC_ACQUIRE) == 1;
}

void Frame::reset() noexcept {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->drop_reference(address_);
}

void* FrameRun::data() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return owner_->phys_map().pointer(start_);
}

void FrameRun::reset() noexcept {
  if (owner_ == nullptr) return;
  std::exchange(owner_, nullptr)->give_run(FrameAllocator::number(start_), count_);
  count_ = 0;
}

void FrameList::push(Frame frame) noexcept {
  const FrameNumber number = FrameAllocator::number(frame.leak());
  owner_->info(number).next = first_;
  first_ = number;
  ++count_;
}

void FrameList::release_all() noexcept {
  while (first_ != kNoFrame) {
    const FrameNumber number = first_;
    first_ = owner_->info(number).next;
    Frame::adopt(*owner_, FrameAllocator::address(number)).reset();
  }
  count_ = 0;
}

}  // namespace quoll::vm
