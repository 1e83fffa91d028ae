// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where runnable tasks wait: a ring per hart that others may steal from, and a mailbox per hart
// that anybody may post to from any context.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/async/task_header.hpp>

namespace quoll::async {

/// A bounded FIFO: one hart pushes, every hart may pop. Lock-free.
class StealRing {
 public:
  static constexpr std::uint32_t kCapacity = 256;

  /// False when full. *Context*: the owner, outside interrupt handlers.
  bool push(TaskHeader& task) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return false;
    slot(tail).store(&task, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// The oldest task, or null. *Context*: any hart, outside interrupt handlers.
  TaskHeader* pop() noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_acquire)) return nullptr;
      // May read a slot that is being written anew; then `head_` has moved and the exchange fails.
      TaskHeader* const task = slot(head).load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return task;
      }
    }
  }

  /// How many tasks it holds: exact on the owner's hart when nobody steals.
  std::uint32_t size() const noexcept {
    // Head first: a tail read later is never behind it.
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_acquire) - head;
  }

 private:
  std::atomic_ref<TaskHeader*> slot(std::uint32_t position) noexcept {
    return std::atomic_ref<TaskHeader*>(slots_[position % kCapacity]);
  }

  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  // Not cleared: a slot is read between head and tail only, where one has been written; and rings
  // of harts that a machine does not have should cost it nothing.
  std::array<TaskHeader*, kCapacity> slots_;
};

/// A list that every context may push to, and its hart takes whole. Lock-free; taking all at once
/// leaves no room for the ABA problem.
class Inbox {
 public:
  /// *Context*: any, interrupt handlers included.
  void push(TaskHeader& task) noexcept {
    TaskHeader* head = head_.load(std::memory_order_relaxed);
    do {
      task.next.store(head, std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, &task, std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }
  /// Everything, oldest first, chained through `next`.
  TaskHeader* take_all() noexcept {
    TaskHeader* reversed = head_.exchange(nullptr, std::memory_order_acquire);
    TaskHeader* in_order = nullptr;
    while (reversed != nullptr) {
      TaskHeader* const next = reversed->next.load(std::memory_order_relaxed);
      reversed->next.store(in_order, std::memory_order_relaxed);
      in_order = reversed;
      reversed = next;
    }
    return in_order;
  }

 private:
  alignas(64) std::atomic<TaskHeader*> head_{nullptr};
};

/// A FIFO that only its hart touches.
class Backlog {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(TaskHeader& task) noexcept {
    task.next.store(nullptr, std::memory_order_relaxed);
    if (last_ != nullptr) {
      last_->next.store(&task, std::memory_order_relaxed);
    } else {
      first_ = &task;
    }
    last_ = &task;
  }
  void push_chain(TaskHeader* chain) noexcept {
    while (chain != nullptr) {
      TaskHeader* const next = chain->next.load(std::memory_order_relaxed);
      push(*chain);
      chain = next;
    }
  }
  TaskHeader* pop() noexcept {
    TaskHeader* const task = first_;
    if (task == nullptr) return nullptr;
    first_ = task->next.load(std::memory_order_relaxed);
    if (first_ == nullptr) last_ = nullptr;
    return task;
  }

 private:
  TaskHeader* first_ = nullptr;
  TaskHeader* last_ = nullptr;
};

}  // namespace quoll::async
