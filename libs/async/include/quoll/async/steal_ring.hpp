// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The runnable tasks of one hart, oldest first, which every other hart may take some of: a bounded
// ring whose ends only ever count up.
//
// Protocol. Positions `head_` to `tail_` hold tasks. Only the owner writes slots and moves `tail_`,
// after the slot (release); everybody moves `head_`, by a compare-and-exchange that claims what
// lies between the old value and the new. A thief reads the slots it wants *before* it claims them:
//
// - it may read a slot that the owner is writing anew. For that the owner must have seen a `head_`
//   beyond the slot (acquire in `push`), so the thief's exchange, which expects an older one, fails
//   and what it read is dropped;
// - if its exchange succeeds, the owner has seen no newer `head_` until then, and what it reads
// from
//   now on is ordered behind the thief's reads (release in the exchange).
//
// Every exchange releases: whoever sees a `head_` sees a `tail_` that is not behind it.
//
// Ends are 64 bits wide and do not come round, so no exchange succeeds by mistake.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/async/detail/words.hpp>
#include <quoll/async/task_header.hpp>

namespace quoll::async {

/// A bounded queue: one hart pushes, every hart takes. Lock-free.
template <std::size_t kSlots>
class StealRing {
 public:
  static constexpr std::size_t kCapacity = kSlots;
  /// How many a thief takes at most.
  static constexpr std::size_t kBatch = std::min<std::size_t>(32, kCapacity);

  /// False when full. *Context*: the owner, outside interrupt handlers.
  bool push(TaskHeader& task) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return false;
    slot(tail).store(&task, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// The oldest task, or null. *Context*: the owner, outside interrupt handlers.
  TaskHeader* pop() noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (head != tail) {
      TaskHeader* const task = slot(head).load(std::memory_order_relaxed);
      if (head_.compare_exchange_strong(head, head + 1, std::memory_order_release,
                                        std::memory_order_relaxed)) {
        return task;
      }
    }
    return nullptr;
  }

  /// Moves the older half of what there is, `kBatch` at most, to the thief's own ring, and takes
  /// the oldest of it out; null when there is nothing. *Requires*: the thief's ring has room for
  /// `kBatch`. *Context*: the thief's owner, outside interrupt handlers.
  TaskHeader* steal_into(StealRing& thief) noexcept {
    const std::uint64_t end = thief.tail_.load(std::memory_order_relaxed);
    std::uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t size = tail_.load(std::memory_order_acquire) - head;
      if (size == 0) return nullptr;
      // An old `head` makes this too large; the exchange then fails.
      const std::uint64_t count = std::min<std::uint64_t>((size + 1) / 2, kBatch);
      TaskHeader* const first = slot(head).load(std::memory_order_relaxed);
      for (std::uint64_t i = 1; i < count; ++i) {
        TaskHeader* const task = slot(head + i).load(std::memory_order_relaxed);
        thief.slot(end + i - 1).store(task, std::memory_order_relaxed);
      }
      if (head_.compare_exchange_strong(head, head + count, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        if (count > 1) thief.tail_.store(end + count - 1, std::memory_order_release);
        return first;
      }
    }
  }

  /// Whether there is nothing in it: for its owner exact, unless others are stealing.
  bool empty() const noexcept {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_relaxed);
  }

 private:
  detail::Atomic<TaskHeader*>& slot(std::uint64_t position) noexcept {
    return slots_[position % kCapacity];
  }

  alignas(64) detail::Atomic<std::uint64_t> head_{0};
  alignas(64) detail::Atomic<std::uint64_t> tail_{0};
  std::array<detail::Atomic<TaskHeader*>, kCapacity> slots_;
};

}  // namespace quoll::async
