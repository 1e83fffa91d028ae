// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spawned tasks and their join handles.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/async/task_list.hpp>
#include <quoll/async/wait.hpp>

namespace quoll::async {

/// Why a task could not be spawned.
enum class SpawnError : std::uint8_t { kOutOfMemory };

/// The promise of a task's outermost coroutine: header, result, and the end of the task.
template <typename T>
class RootPromise;

/// Opens a header to the two who drive it: the root coroutine and the join handle.
struct JoinAccess {
  static detail::Lock& lock(TaskHeader& task) noexcept { return task.join_lock_; }
  static WaitList& joiners(TaskHeader& task) noexcept { return task.joiners_; }
  static bool done(const TaskHeader& task) noexcept {
    return task.done_.load(std::memory_order_acquire);
  }
  /// *Requires*: `done`.
  static bool panicked(const TaskHeader& task) noexcept { return task.panicked_; }
  /// What goes on in the task's place.
  static std::coroutine_handle<> finish(TaskHeader& task) noexcept {
    Scheduler& scheduler = task.scheduler();
    TaskList::remove(task);
    detail::LockGuard guard(task.join_lock_);
    task.done_.store(true, std::memory_order_release);
    Waiter* const joiners = task.joiners_.take_all(WaitState::kWoken);
    guard.unlock();
    detail::wake_taken(joiners);
    task.drop_reference();
    return scheduler.task_ended();
  }
};

namespace detail {

template <typename T>
struct RootResult {
  std::optional<T> value;
  template <typename U>
  void set(U&& from) {
    value.emplace(std::forward<U>(from));
  }
};
template <>
struct RootResult<void> {};

struct RootFinal {
  bool await_ready() const noexcept { return false; }
  template <typename P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> handle) const noexcept {
    // May destroy this very frame: nothing is touched after it.
    return JoinAccess::finish(*handle.promise().task());
  }
  void await_resume() const noexcept {}
};

/// The coroutine that a header lives in.
template <typename T>
struct Root {
  using promise_type = RootPromise<T>;
  std::coroutine_handle<promise_type> handle;
};

/// `co_await`ed in a root coroutine: where its result goes. Never suspends.
template <typename T>
struct ResultSlot {
  RootResult<T>* slot = nullptr;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<RootPromise<T>> handle) noexcept {
    slot = &handle.promise().result();
    return false;
  }
  RootResult<T>& await_resume() const noexcept { return *slot; }
};

}  // namespace detail

template <typename T>
class RootPromise final : public PromiseBase, private TaskHeader {
 public:
  detail::Root<T> get_return_object() noexcept {
    return {std::coroutine_handle<RootPromise>::from_promise(*this)};
  }
  static detail::Root<T> get_return_object_on_allocation_failure() noexcept { return {}; }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  detail::RootFinal final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  /// A panic has come through all of the task's coroutines: `join` tells.
  void unhandled_exception() noexcept { TaskHeader::panicked_ = true; }

  detail::RootResult<T>& result() noexcept { return result_; }

  /// Makes the header ready to be scheduled; one reference is the executor's, one the caller's.
  TaskHeader& prepare(Scheduler& scheduler, const char* name) noexcept {
    TaskHeader& self = *this;
    enter(self);
    self.scheduler_ = &scheduler;
    self.name_ = name;
    self.id_ = detail::next_task_id.fetch_add(1, std::memory_order_relaxed);
    self.resume_point_ = std::coroutine_handle<RootPromise>::from_promise(*this);
    self.destroy_ = [](TaskHeader& header) noexcept {
      header.resume_point_ = {};
      of(header).destroy();
    };
    return self;
  }

  static std::coroutine_handle<RootPromise> of(TaskHeader& header) noexcept {
    // Only headers made by `prepare` get here, and each is the base of its promise.
    auto& promise = static_cast<RootPromise&>(header);
    return std::coroutine_handle<RootPromise>::from_promise(promise);
  }

 private:
  detail::RootResult<T> result_;
};

/// A spawned task as its parent sees it. Dropping the handle detaches the task.
template <typename T = void>
class [[nodiscard]] JoinHandle {
 public:
  class Joining : public detail::WaitBase<Joining> {
   public:
    Joining(TaskHeader& task, CancelToken token) noexcept
        : detail::WaitBase<Joining>(JoinAccess::lock(task), JoinAccess::joiners(task), token),
          header_(task) {}
    base::Result<T, WaitError> await_resume() noexcept {
      if (this->finish() != WaitState::kWoken) return base::err(WaitError::kCancelled);
      if (JoinAccess::panicked(header_)) return base::err(WaitError::kPanicked);
      if constexpr (std::is_void_v<T>) {
        return {};
      } else {
        return std::move(*RootPromise<T>::of(header_).promise().result().value);
      }
    }
    WaitState try_now_locked() noexcept {
      return JoinAccess::done(header_) ? WaitState::kWoken : WaitState::kIdle;
    }
    bool may_be_ready() const noexcept { return JoinAccess::done(header_); }

   private:
    TaskHeader& header_;
  };

  JoinHandle() = default;
  /// Takes over one reference.
  explicit JoinHandle(TaskHeader& task) noexcept : task_(&task) {}
  JoinHandle(JoinHandle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  JoinHandle& operator=(JoinHandle&& other) noexcept {
    if (this != &other) {
      detach();
      task_ = std::exchange(other.task_, nullptr);
    }
    return *this;
  }
  ~JoinHandle() { detach(); }

  bool valid() const noexcept { return task_ != nullptr; }
  /// `co_await handle.join(token)`: the task's value, once; `kPanicked` when a panic ended it; or
  /// `kCancelled` by our own token.
  /// *Requires*: `valid()`.
  Joining join(CancelToken token = {}) noexcept { return Joining(*task_, token); }
  /// Asks the task to end: its waits that carry its token end with `kCancelled`.
  void cancel() noexcept { task_->cancel_source().cancel(); }
  bool done() const noexcept { return JoinAccess::done(*task_); }
  void detach() noexcept {
    if (TaskHeader* const task = std::exchange(task_, nullptr)) task->drop_reference();
  }

 private:
  TaskHeader* task_ = nullptr;
};

namespace detail {

template <typename T>
Root<T> run_root(Task<T> task) {
  // Its frame goes when it has ended, not when the join handle does.
  Task<T> running = std::move(task);
  auto checked = co_await std::move(running).checked();
  running = Task<T>();
  // `spawn` refused an empty task, so there is a value.
  if constexpr (!std::is_void_v<T>) {
    (co_await ResultSlot<T>()).set(std::move(checked).value());
  } else {
    checked.value();
  }
}

}  // namespace detail

/// Starts a task on a scheduler; the handle joins, cancels or detaches it.
template <typename T>
base::Result<JoinHandle<T>, SpawnError> spawn(Scheduler& scheduler, Task<T> task,
                                              const char* name = "") {
  if (!task.valid()) return base::err(SpawnError::kOutOfMemory);
  const detail::Root<T> root = detail::run_root(std::move(task));
  if (!root.handle) return base::err(SpawnError::kOutOfMemory);
  TaskHeader& header = root.handle.promise().prepare(scheduler, name);
  JoinHandle<T> handle(header);
  scheduler.start(header);
  return handle;
}

}  // namespace quoll::async
