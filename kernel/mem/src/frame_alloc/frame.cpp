// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Owners of frames.
#include <atomic>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/frame_alloc/reference_count.hpp>

namespace quoll::vm {
namespace {

auto count_of(FrameInfo& info) noexcept {
  return ReferenceCount(std::atomic_ref(info.references));
}

}  // namespace

void* Frame::data() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return owner_->phys_map().pointer(address_);
}

Frame Frame::share() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  // A count that was zero has an owner no longer: nobody may revive the frame.
  const bool was_shared = count_of(owner_->info(address_)).share();
  QUOLL_ASSERT(was_shared);
  return adopt(*owner_, address_);
}

bool Frame::is_unique() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return count_of(owner_->info(address_)).is_unique();
}

bool Frame::is_zero_frame() const noexcept {
  return owner_ != nullptr && address_ == owner_->zero_frame_;
}

std::uint32_t Frame::reference_count() const noexcept {
  QUOLL_ASSERT(owner_ != nullptr);
  return count_of(owner_->info(address_)).count();
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

void FrameRun::split_into(FrameList& list) noexcept {
  if (owner_ == nullptr) return;
  FrameAllocator& owner = *std::exchange(owner_, nullptr);
  // From the highest down, so that the lowest lies on top. The records of all but the first frames
  // of blocks become meaningful here; they are the owner's alone.
  for (std::uint64_t i = std::exchange(count_, 0); i-- > 0;) {
    const mem::PhysicalAddress address = start_ + i * mem::kPageSize;
    owner.info(address).set_ownership(FrameInfo::kOwnedOnce);
    list.push(Frame::adopt(owner, address));
  }
}

}  // namespace quoll::vm
