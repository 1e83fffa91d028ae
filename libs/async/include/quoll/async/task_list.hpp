// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The tasks that wait or have waited, for people who want to see them. An executor keeps one list
// for each hart, of the tasks that waited there first, so that harts rarely meet. Most tasks that
// are short never wait, and are in none: a list is two locks to a task, which is a third of what
// such a task costs.
#pragma once

#include <quoll/async/detail/lock.hpp>
#include <quoll/async/task_header.hpp>

namespace quoll::async {

/// Tasks from their first wait to their end. *Context*: tasks and the executor.
class TaskList {
 public:
  TaskList() = default;
  TaskList(const TaskList&) = delete;
  TaskList& operator=(const TaskList&) = delete;

  /// *Requires*: it is in no list.
  void add(TaskHeader& task) noexcept {
    task.list_ = this;
    detail::LockGuard guard(lock_);
    task.list_next_ = first_;
    if (first_ != nullptr) first_->list_previous_ = &task;
    first_ = &task;
  }
  /// *Context*: the task itself, or whoever alone knows of it.
  static bool is_listed(const TaskHeader& task) noexcept { return task.list_ != nullptr; }
  /// Takes a task out of the list it is in, if it is in one.
  static void remove(TaskHeader& task) noexcept {
    TaskList* const list = task.list_;
    if (list == nullptr) return;
    detail::LockGuard guard(list->lock_);
    TaskHeader* const next = task.list_next_;
    TaskHeader* const previous = task.list_previous_;
    (previous != nullptr ? previous->list_next_ : list->first_) = next;
    if (next != nullptr) next->list_previous_ = previous;
    task.list_ = nullptr;
  }

  /// Calls `visit(task)` for each, the youngest first. None of them goes meanwhile, but most of
  /// what they hold changes: ids and names do not. *Requires*: `visit` neither waits nor spawns.
  template <typename Visit>
  void for_each(Visit&& visit) noexcept {
    detail::LockGuard guard(lock_);
    for (TaskHeader* task = first_; task != nullptr; task = task->list_next_) visit(*task);
  }

 private:
  detail::RankedLock<sync::LockRank::kTaskList> lock_;
  TaskHeader* first_ = nullptr;
};

}  // namespace quoll::async
