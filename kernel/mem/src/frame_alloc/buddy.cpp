// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The buddy lists.
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/frame_alloc/buddy.hpp>

#include "report.hpp"

namespace quoll::vm {

void BuddyLists::clear() noexcept {
  first_.fill(kNoFrame);
  orders_with_blocks_ = 0;
  free_frames_.store(0, std::memory_order_relaxed);
}

void BuddyLists::mark_absent_buddies(FrameNumber frame, unsigned order) noexcept {
  for (; order < kMaxOrder; ++order) {
    const FrameNumber head = base::align_down(frame, FrameNumber{1} << order);
    FrameInfo* const buddy = arenas_.find(head ^ (FrameNumber{1} << order));
    if (buddy != nullptr) buddy->set_state(FrameState::kAbsent);
  }
}

void BuddyLists::push(FrameNumber frame, unsigned order) noexcept {
  const FrameNumber next = first_[order];
  FrameInfo& record = arenas_.info(frame);
  record.next = next;
  record.previous = kNoFrame;
  record.order = static_cast<std::uint8_t>(order);
  record.set_state(FrameState::kFree);
  if (next != kNoFrame) arenas_.info(next).previous = frame;
  first_[order] = frame;
  orders_with_blocks_ |= 1U << order;
}

void BuddyLists::unlink(FrameNumber frame) noexcept {
  FrameInfo& record = arenas_.info(frame);
  // Both neighbours, if there are any, must know of this one.
  FrameInfo* const next = record.next != kNoFrame ? arenas_.find(record.next) : nullptr;
  FrameInfo* const previous = record.previous != kNoFrame ? arenas_.find(record.previous) : nullptr;
  const bool next_agrees = next != nullptr ? next->previous == frame : record.next == kNoFrame;
  const bool previous_agrees = previous != nullptr
                                   ? previous->next == frame
                                   : record.previous == kNoFrame && first_[record.order] == frame;
  if (record.state != FrameState::kFree || !next_agrees || !previous_agrees) [[unlikely]] {
    report_broken(frame, "the list of free blocks is corrupted");
  }
  if (next != nullptr) next->previous = record.previous;
  if (previous != nullptr) {
    previous->next = record.next;
  } else {
    first_[record.order] = record.next;
    if (record.next == kNoFrame) orders_with_blocks_ &= ~(1U << record.order);
  }
  // Before the lock is let go nobody else may find a free block here, nor join one to it.
  record.set_ownership(FrameInfo::kCached);
}

void BuddyLists::split(FrameNumber frame, unsigned from, unsigned order) noexcept {
  // The lists of the orders in between are empty, or one of them would have been chosen: each
  // upper half becomes the only block of its list. A block lies in one arena.
  orders_with_blocks_ |= (1U << from) - (1U << order);
  FrameInfo* const records = &arenas_.info(frame);
  while (from > order) {
    --from;
    const FrameNumber half = FrameNumber{1} << from;
    records[half].make_free_alone(from);
    first_[from] = frame + half;
  }
}

FrameNumber BuddyLists::take(unsigned order) noexcept {
  if (order > kMaxOrder) return kNoFrame;
  const std::uint32_t candidates = orders_with_blocks_ >> order << order;
  if (candidates == 0) return kNoFrame;
  auto from = static_cast<unsigned>(std::countr_zero(candidates));
  const FrameNumber frame = first_[from];
  unlink(frame);
  if (from != order) split(frame, from, order);
  free_frames_.fetch_sub(std::uint64_t{1} << order, std::memory_order_relaxed);
  return frame;
}

void BuddyLists::free(FrameNumber frame, unsigned order) noexcept {
  free_frames_.fetch_add(std::uint64_t{1} << order, std::memory_order_relaxed);
  for (; order < kMaxOrder; ++order) {
    const FrameNumber buddy = frame ^ (FrameNumber{1} << order);
    FrameInfo* const record = arenas_.find(buddy);
    if (record == nullptr || record->current_state() != FrameState::kFree ||
        record->order != order) {
      break;
    }
    unlink(buddy);
    // The upper half is no longer the first frame of a block.
    arenas_.info(std::max(frame, buddy)).set_state(FrameState::kAbsent);
    frame = std::min(frame, buddy);
  }
  push(frame, order);
}

}  // namespace quoll::vm
