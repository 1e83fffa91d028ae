// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a hart runs next, and what others may take from it.
//
// Four places, each for what it is best at:
//
// - the *slot* holds the task that the running one woke first: it goes on next, while what the two
//   pass each other is warm. Not more often than `kSlotTurns` in a row, so that a pair which keeps
//   waking each other starves nobody;
// - the *ring* holds the rest, first in, first out; idle harts steal from it;
// - the *overflow* takes what the ring has no room for. While anything is in it, everything goes
//   there, so that order stays what it was: no task passes 255 others again and again;
// - the *mailbox* is for other harts and for interrupt handlers. What comes this way waits for a
//   device or crosses harts: it is short and urgent and comes before all else, but for every
//   `kUrgentTurns`th turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/async/detail/lock.hpp>
#include <quoll/async/mailbox.hpp>
#include <quoll/async/steal_ring.hpp>
#include <quoll/async/task_header.hpp>

namespace quoll::async {

/// Runnable tasks that a ring has no room for.
class Overflow {
 public:
  /// Exact for the owner when it says that there are some: only the owner adds.
  bool empty() const noexcept { return count_.load(std::memory_order_relaxed) == 0; }
  /// *Context*: the owner, outside interrupt handlers.
  void push(TaskHeader& task) noexcept {
    const detail::LockGuard guard(lock_);
    tasks_.push(task);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// Moves the oldest, as many as a thief takes, to a ring, and takes the first of them out.
  /// *Requires*: the ring has room for `kBatch`. *Context*: the ring's owner, as above.
  template <typename Ring>
  TaskHeader* move_into(Ring& ring) noexcept {
    const detail::LockGuard guard(lock_);
    TaskHeader* const first = tasks_.pop();
    if (first == nullptr) return nullptr;
    std::uint64_t moved = 1;
    for (; moved < Ring::kBatch; ++moved) {
      TaskHeader* const task = tasks_.pop();
      if (task == nullptr) break;
      ring.push(*task);
    }
    count_.store(count_.load(std::memory_order_relaxed) - moved, std::memory_order_relaxed);
    return first;
  }

 private:
  detail::RankedLock<sync::LockRank::kExecutor> lock_;
  TaskFifo tasks_;
  detail::Atomic<std::uint64_t> count_{0};
};

/// The runnable tasks of one hart.
template <std::size_t kSlots = 256>
class RunQueue {
 public:
  static constexpr unsigned kSlotTurns = 3;
  static constexpr unsigned kUrgentTurns = 8;

  // For its hart, outside interrupt handlers.

  /// Runs next, if no other does already, and else after what is there: those that are woken
  /// together run in the order of their wakes. True when idle harts can have it.
  bool push_next(TaskHeader& task) noexcept {
    if (slot_ != nullptr) {
      push(task);
      return true;
    }
    slot_ = &task;
    return false;
  }
  /// Runs after what is there.
  void push(TaskHeader& task) noexcept {
    if (!overflow_.empty() || !ring_.push(task)) [[unlikely]]
      overflow_.push(task);
  }
  /// The next to run, or null.
  TaskHeader* pop() noexcept {
    if (!mailbox_.empty() || !posted_.empty()) [[unlikely]]
      return pop_urgent();
    return pop_own();
  }
  /// Whether the next to run, if there is one, comes by the slot or the ring.
  [[gnu::always_inline]] bool is_usual() const noexcept {
    return mailbox_.empty() && posted_.empty() && (slot_ == nullptr || slot_turns_ < kSlotTurns);
  }
  /// That one, or null: the ring is empty. *Requires*: `is_usual()`.
  [[gnu::always_inline]] TaskHeader* pop_usual() noexcept {
    if (slot_ == nullptr) [[likely]] {
      slot_turns_ = 0;
      return ring_.pop();
    }
    ++slot_turns_;
    return take_slot();
  }
  /// Whether somebody waits for this hart to give way.
  bool has_urgent() const noexcept { return !mailbox_.empty(); }
  /// Whether there is nothing at all.
  bool empty() const noexcept {
    return slot_ == nullptr && !can_give() && posted_.empty() && mailbox_.empty();
  }
  /// Before this hart is away for a while: the slot's task waits with what came by the mailbox. So
  /// it can be given away, and if nobody wants it, it is still ahead of the ring.
  void clear_slot() noexcept {
    if (slot_ != nullptr) posted_.push(*take_slot());
  }
  /// One that could be given away and has not had its turn, or null.
  TaskHeader* give_posted() noexcept { return posted_.pop(); }
  bool has_posted() const noexcept { return !posted_.empty(); }

  // For all harts.

  /// *Context*: any, interrupt handlers included.
  void post(TaskHeader& task) noexcept { mailbox_.post(task); }
  /// Whether other harts would find something here.
  bool can_give() const noexcept { return !ring_.empty() || !overflow_.empty(); }
  /// Takes some of what this queue has for the thief's, which has nothing, and one of them to run.
  /// *Context*: the thief's hart, outside interrupt handlers.
  TaskHeader* steal_for(RunQueue& thief) noexcept {
    if (TaskHeader* const task = ring_.steal_into(thief.ring_)) return task;
    return overflow_.empty() ? nullptr : overflow_.move_into(thief.ring_);
  }

 private:
  TaskHeader* take_slot() noexcept {
    TaskHeader* const task = slot_;
    slot_ = nullptr;
    return task;
  }

  TaskHeader* pop_own() noexcept {
    if (slot_ == nullptr) [[likely]] {
      slot_turns_ = 0;
      if (TaskHeader* const task = ring_.pop()) return task;
      return overflow_.empty() ? nullptr : overflow_.move_into(ring_);
    }
    if (slot_turns_ < kSlotTurns) {
      ++slot_turns_;
      return take_slot();
    }
    slot_turns_ = 0;
    // The slot's waits where it is: it has been next for a while, and is again.
    if (TaskHeader* const task = ring_.pop()) return task;
    return take_slot();
  }

  [[gnu::noinline]] TaskHeader* pop_urgent() noexcept {
    if (!mailbox_.empty()) mailbox_.take_all(posted_);
    if (++urgent_turns_ % kUrgentTurns == 0) {
      if (TaskHeader* const task = pop_own()) return task;
    }
    return posted_.pop();
  }

  Mailbox mailbox_;
  // What the mailbox held, in the order of its coming.
  alignas(64) TaskFifo posted_;
  TaskHeader* slot_ = nullptr;
  unsigned slot_turns_ = 0;
  unsigned urgent_turns_ = 0;
  Overflow overflow_;
  StealRing<kSlots> ring_;
};

}  // namespace quoll::async
