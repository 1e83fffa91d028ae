// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lists of runnable tasks, linked through `TaskHeader::next`: one that anybody posts to from any
// context, and one that only its hart touches.
#pragma once

#include <quoll/async/detail/words.hpp>
#include <quoll/async/task_header.hpp>

namespace quoll::async {

/// First in, first out, for a single hart or under a lock.
class TaskFifo {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(TaskHeader& task) noexcept {
    task.next.store(nullptr, std::memory_order_relaxed);
    if (first_ != nullptr) {
      last_->next.store(&task, std::memory_order_relaxed);
    } else {
      first_ = &task;
    }
    last_ = &task;
  }
  /// The oldest, or null.
  TaskHeader* pop() noexcept {
    TaskHeader* const task = first_;
    if (task != nullptr) first_ = task->next.load(std::memory_order_relaxed);
    return task;
  }

 private:
  detail::Guarded<TaskHeader*> first_ = nullptr;
  detail::Guarded<TaskHeader*> last_ = nullptr;
};

/// What every context may push to, and its hart takes whole. Lock-free; taking all at once leaves
/// no room for the ABA problem.
class Mailbox {
 public:
  /// *Context*: any, interrupt handlers included.
  void post(TaskHeader& task) noexcept {
    TaskHeader* head = head_.load(std::memory_order_relaxed);
    do {
      task.next.store(head, std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, &task, std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  bool empty() const noexcept { return head_.load(std::memory_order_relaxed) == nullptr; }
  /// Moves everything to a list, oldest first. *Context*: its hart, outside interrupt handlers.
  void take_all(TaskFifo& to) noexcept {
    TaskHeader* reversed = head_.exchange(nullptr, std::memory_order_acquire);
    TaskHeader* in_order = nullptr;
    while (reversed != nullptr) {
      TaskHeader* const next = reversed->next.load(std::memory_order_relaxed);
      reversed->next.store(in_order, std::memory_order_relaxed);
      in_order = reversed;
      reversed = next;
    }
    while (in_order != nullptr) {
      TaskHeader* const next = in_order->next.load(std::memory_order_relaxed);
      to.push(*in_order);
      in_order = next;
    }
  }

 private:
  alignas(64) detail::Atomic<TaskHeader*> head_{nullptr};
};

}  // namespace quoll::async
