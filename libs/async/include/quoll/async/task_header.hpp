// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What an executor knows of a task, whatever the task computes.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include <quoll/async/cancel.hpp>
#include <quoll/async/detail/words.hpp>
#include <quoll/async/promise_link.hpp>
#include <quoll/log/span.hpp>

namespace quoll::async {

class TaskHeader;
class TaskList;
class TimerWheel;

/// Where a task goes when it may run again.
class Scheduler {
 public:
  /// Makes a suspended task runnable. The task may run, and end, before this returns.
  /// *Context*: any, interrupt handlers included.
  virtual void schedule(TaskHeader& task) noexcept = 0;
  /// The same for a task that has just been made.
  virtual void start(TaskHeader& task) noexcept { schedule(task); }
  /// As `schedule`, behind all that is runnable on this hart: the task, which runs here and has
  /// suspended, gives way. What goes on, as of `next`.
  virtual std::coroutine_handle<> yield(TaskHeader& task) noexcept = 0;
  /// The task that ran here has suspended, and may run elsewhere or be gone by now. What goes on in
  /// its place, on its stack; a coroutine that does nothing when the executor is to look around.
  virtual std::coroutine_handle<> next() noexcept { return std::noop_coroutine(); }
  /// Called on the task's hart before it suspends for the first time, and when it has asked with
  /// `hook_suspend`.
  virtual void before_suspend(TaskHeader& task) noexcept = 0;
  /// The timers of the hart that calls. *Context*: task.
  virtual TimerWheel& timers() noexcept = 0;
  /// A task of this scheduler has ended, here. What goes on, as of `next`.
  virtual std::coroutine_handle<> task_ended() noexcept = 0;

 protected:
  ~Scheduler() = default;
};

/// The head of every spawned task: what `SpawnedTask<T>` is made on.
class TaskHeader {
 public:
  /// The task's outermost coroutine has ended. What goes on in its place.
  using End = std::coroutine_handle<> (*)(TaskHeader&) noexcept;

  TaskHeader() = default;
  TaskHeader(const TaskHeader&) = delete;
  TaskHeader& operator=(const TaskHeader&) = delete;

  /// Records where to go on. Every awaiter calls this *before* it lets anyone know of the wait.
  void suspend_at(std::coroutine_handle<> point) noexcept {
    resume_point_ = point;
    if (suspend_hook_) [[unlikely]] {
      suspend_hook_ = false;
      scheduler_->before_suspend(*this);
    }
  }
  /// Where the task goes on. *Context*: executor.
  std::coroutine_handle<> resume_point() const noexcept { return resume_point_; }
  /// Runs the task from where it suspended. *Context*: executor.
  void resume() noexcept { resume_point_.resume(); }
  /// Makes the task runnable again. *Context*: any.
  void wake() noexcept { scheduler_->schedule(*this); }

  /// Asks for one more `before_suspend` call. *Context*: the task itself.
  void hook_suspend() noexcept { suspend_hook_ = true; }

  /// The coroutine that runs or waits, of all that await each other in this task: null before the
  /// start. For others than the task itself it may change, and end, at any time.
  const PromiseLink* innermost() const noexcept { return innermost_; }
  /// *Context*: the task itself.
  void set_innermost(const PromiseLink* link) noexcept { innermost_ = link; }

  Scheduler& scheduler() const noexcept { return *scheduler_; }
  /// What `JoinHandle::cancel` triggers.
  CancelSource& cancel_source() noexcept { return cancel_; }
  const char* name() const noexcept { return name_; }
  /// What is going on in the task, for its log lines.
  log::SpanList& spans() noexcept { return spans_; }
  /// Different for all tasks of a scheduler, and zero until that has the task.
  std::uint64_t id() const noexcept { return id_; }
  /// *Context*: the scheduler, before the task runs.
  void set_id(std::uint64_t id) noexcept { id_ = id; }

  /// The outermost coroutine has ended, and is suspended for good. What goes on.
  std::coroutine_handle<> end() noexcept { return end_(*this); }

  /// The run queue's link; valid while the task is runnable.
  detail::Atomic<TaskHeader*> next{nullptr};

 protected:
  TaskHeader(Scheduler& scheduler, const char* name, End end) noexcept
      : scheduler_(&scheduler), end_(end), name_(name) {}
  /// Where it begins, which is no wait.
  void begin_at(std::coroutine_handle<> point) noexcept { resume_point_ = point; }

 private:
  friend class TaskList;

  std::coroutine_handle<> resume_point_;
  const PromiseLink* innermost_ = nullptr;
  Scheduler* scheduler_ = nullptr;
  End end_ = nullptr;
  const char* name_ = "";
  std::uint64_t id_ = 0;
  log::SpanList spans_;
  bool suspend_hook_ = true;
  TaskList* list_ = nullptr;
  TaskHeader* list_next_ = nullptr;
  TaskHeader* list_previous_ = nullptr;
  CancelSource cancel_;
};

}  // namespace quoll::async
