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
  for (unsigned of = order; of < kMaxOrder; ++of) {
    const FrameNumber head = base::align_down(frame, FrameNumber{1} << of);
    FrameInfo* const buddy = arenas_.find(head ^ (FrameNumber{1} << of));
    if (buddy != nullptr) buddy->set_state(FrameState::kAbsent);
  }
}

template <typename Records>
void BuddyLists::push(Records records, FrameNumber frame, unsigned order) noexcept {
  const FrameNumber next = first_[order];
  FrameInfo& record = records.info(frame);
  record.next = next;
  record.previous = kNoFrame;
  record.set_ownership(FrameInfo::free_block(order));
  if (next != kNoFrame) records.info(next).previous = frame;
  first_[order] = frame;
  orders_with_blocks_ |= 1U << order;
}

/// Takes a free block off its list, both of whose neighbours must know of it. What its record says
/// it is stays to be written before the lock is let go.
template <typename Records>
[[gnu::always_inline]] inline void BuddyLists::unlink(Records records, FrameNumber frame,
                                                      unsigned order) noexcept {
  const FrameInfo& record = records.info(frame);
  FrameInfo* next = nullptr;
  FrameInfo* previous = nullptr;
  bool is_sound = record.is_free_block(order);
  if (record.next != kNoFrame) {
    next = records.find(record.next);
    is_sound = is_sound && next != nullptr && next->previous == frame;
  }
  if (record.previous != kNoFrame) {
    previous = records.find(record.previous);
    is_sound = is_sound && previous != nullptr && previous->next == frame;
  } else {
    is_sound = is_sound && first_[order] == frame;
  }
  if (!is_sound) [[unlikely]]
    report_broken(frame, "the list of free blocks is corrupted");
  if (next != nullptr) next->previous = record.previous;
  if (previous != nullptr) {
    previous->next = record.next;
  } else {
    first_[order] = record.next;
    if (next == nullptr) orders_with_blocks_ &= ~(1U << order);
  }
}

template <typename Records>
void BuddyLists::split(Records records, FrameNumber frame, unsigned from, unsigned order) noexcept {
  // The lists of the orders in between are empty, or one of them would have been chosen: each
  // upper half becomes the only block of its list.
  orders_with_blocks_ |= (1U << from) - (1U << order);
  while (from > order) {
    --from;
    const FrameNumber half = frame + (FrameNumber{1} << from);
    FrameInfo& record = records.info(half);
    record.next = kNoFrame;
    record.previous = kNoFrame;
    record.set_ownership(FrameInfo::free_block(from));
    first_[from] = half;
  }
}

template <typename Records>
FrameNumber BuddyLists::take_from(Records records, unsigned order) noexcept {
  const std::uint32_t candidates = orders_with_blocks_ >> order;
  if (candidates == 0) return kNoFrame;
  unsigned from = order;
  if ((candidates & 1) == 0) from += static_cast<unsigned>(std::countr_zero(candidates));
  const FrameNumber frame = first_[from];
  unlink<Records>(records, frame, from);
  records.info(frame).set_ownership(FrameInfo::kCached);
  if (from != order) split<Records>(records, frame, from, order);
  free_frames_.fetch_sub(std::uint64_t{1} << order, std::memory_order_relaxed);
  return frame;
}

template <typename Records>
void BuddyLists::free_into(Records records, FrameNumber frame, unsigned order) noexcept {
  free_frames_.fetch_add(std::uint64_t{1} << order, std::memory_order_relaxed);
  for (; order < kMaxOrder; ++order) {
    const FrameNumber half = FrameNumber{1} << order;
    FrameInfo* const buddy = records.find(frame ^ half);
    if (buddy == nullptr || !buddy->is_free_block(order)) break;
    unlink<Records>(records, frame ^ half, order);
    // The upper half is no longer the first frame of a block.
    records.info(frame | half).set_ownership(FrameInfo::kAbsent);
    frame &= ~half;
  }
  push<Records>(records, frame, order);
}

FrameNumber BuddyLists::take(unsigned order) noexcept {
  if (order > kMaxOrder) return kNoFrame;
  return arenas_.is_single() ? take_from(arenas_.single(), order)
                             : take_from<const ArenaSet&>(arenas_, order);
}

void BuddyLists::free(FrameNumber frame, unsigned order) noexcept {
  if (arenas_.is_single()) {
    free_into(arenas_.single(), frame, order);
  } else {
    free_into<const ArenaSet&>(arenas_, frame, order);
  }
}

}  // namespace quoll::vm
