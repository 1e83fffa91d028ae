// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Task<T>: a lazy coroutine. It starts when awaited or spawned, resumes its awaiter by symmetric
// transfer, and an allocation that fails is a value.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/async/task_header.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/base/panic.hpp>
#include <quoll/base/result.hpp>

namespace quoll::async {

template <typename T = void>
class Task;
template <typename T>
class SpawnedTask;

/// Why no coroutine could be made.
enum class AllocationError : std::uint8_t { kOutOfMemory };

/// Why an awaited task gave no value.
enum class TaskError : std::uint8_t {
  kOutOfMemory,  ///< its coroutine could not be made
  kPanicked,     ///< a panic ended it; all that it held is gone
};

/// How a `T` says that there was no memory for its coroutine. A `Result` whose error has
/// `kOutOfMemory` can; anything else is awaited through `Task::checked()`.
template <typename T>
struct AllocationFailure;

template <typename U, typename E>
  requires requires { E::kOutOfMemory; }
struct AllocationFailure<base::Result<U, E>> {
  static base::Result<U, E> make() { return base::err(E{E::kOutOfMemory}); }
};

/// What every promise of this room has: the task it is part of, and who awaits it.
class PromiseBase : public PromiseLink {
 public:
  TaskHeader* task() const noexcept { return task_; }

  /// The coroutine begins, as the outermost one of a task.
  void enter(TaskHeader& task) noexcept {
    task_ = &task;
    task.set_innermost(this);
  }
  /// The coroutine begins, awaited by another one.
  void enter(TaskHeader& task, std::coroutine_handle<> awaiting) noexcept {
    set_continuation(awaiting);
    enter(task);
  }
  /// The coroutine has ended; who goes on. The outermost one is gone when this returns.
  std::coroutine_handle<> leave() noexcept {
    const std::coroutine_handle<> awaiting = continuation();
    if (!awaiting) return task_->end();
    task_->set_innermost(awaited_by());
    return awaiting;
  }

  /// Frames come from the program's heap; null when it has no more.
  static void* operator new(std::size_t size) noexcept {
    return ::operator new(size, std::nothrow);
  }
  static void operator delete(void* frame, std::size_t size) noexcept {
    ::operator delete(frame, size);
  }

  /// A panic has left the coroutine's body: the only exception that there is.
  void unhandled_exception() noexcept { panicked_ = true; }
  bool panicked() const noexcept { return panicked_; }

 protected:
  /// Whoever resumes from a coroutine without a value: the panic goes on there.
  [[noreturn]] void continue_without_value() const {
    if (panicked_) base::continue_panic();
    base::assertion_failed("an awaited coroutine has a value", __FILE__, unsigned{__LINE__});
  }

 private:
  TaskHeader* task_ = nullptr;
  bool panicked_ = false;
};

/// A promise that our awaiters can suspend.
template <typename P>
concept TaskPromise = std::derived_from<P, PromiseBase> && PromiseLink::kFits<P>;

namespace detail {

/// What an awaiter's `await_suspend` does, inlined: the task waits if `wait(task)` says so, and
/// whatever is next goes on in its place; else it goes on itself.
template <TaskPromise P, typename Wait>
[[gnu::always_inline]] inline std::coroutine_handle<> suspend_task(std::coroutine_handle<P> handle,
                                                                   Wait wait) noexcept {
  handle.promise().suspend_here();
  TaskHeader& task = *handle.promise().task();
  // Once others know of the wait, the task may run to its end on another hart.
  Scheduler& scheduler = task.scheduler();
  task.suspend_at(handle);
  return wait(task) ? scheduler.next() : handle;
}

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> handle) const noexcept {
    return handle.promise().leave();
  }
  void await_resume() const noexcept {}
};

template <typename T>
class Promise final : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  static Task<T> get_return_object_on_allocation_failure() noexcept;
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  template <std::convertible_to<T> U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  /// Panics after `co_return`, in a destructor, leave no value either.
  void unhandled_exception() noexcept {
    value_.reset();
    PromiseBase::unhandled_exception();
  }
  T take() {
    if (!value_.has_value()) [[unlikely]]
      continue_without_value();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  static Task<void> get_return_object_on_allocation_failure() noexcept;
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void take() const {
    if (panicked()) [[unlikely]]
      continue_without_value();
  }
};

}  // namespace detail

/// A coroutine that computes a `T`. Owns its frame; destroying an unfinished task runs the
/// destructors of its locals.
template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  constexpr Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// Whether there was memory for the coroutine.
  bool valid() const noexcept { return static_cast<bool>(handle_); }

  /// `co_await task`: for results that can say "out of memory" themselves.
  auto operator co_await() && noexcept
    requires requires { AllocationFailure<T>::make(); }
  {
    struct Awaiter : Base {
      T await_resume() {
        if (!this->handle) return AllocationFailure<T>::make();
        return this->handle.promise().take();
      }
    };
    return Awaiter{{handle_}};
  }

  /// `co_await std::move(task).checked()`: a `Result<T, AllocationError>`, for any `T`.
  auto checked() && noexcept {
    struct Awaiter : Base {
      base::Result<T, AllocationError> await_resume() {
        if (!this->handle) return base::err(AllocationError::kOutOfMemory);
        if constexpr (std::is_void_v<T>) {
          this->handle.promise().take();
          return {};
        } else {
          return this->handle.promise().take();
        }
      }
    };
    return Awaiter{{handle_}};
  }

  /// `co_await std::move(task).contained()`: a `Result<T, TaskError>`. A panic of the task ends
  /// here, as a value; awaited in any other way it goes on through the awaiting coroutine.
  auto contained() && noexcept {
    struct Awaiter : Base {
      base::Result<T, TaskError> await_resume() {
        if (!this->handle) return base::err(TaskError::kOutOfMemory);
        if (this->handle.promise().panicked()) return base::err(TaskError::kPanicked);
        if constexpr (std::is_void_v<T>) {
          return {};
        } else {
          return this->handle.promise().take();
        }
      }
    };
    return Awaiter{{handle_}};
  }

 private:
  friend promise_type;
  friend class SpawnedTask<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  struct Base {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() const noexcept { return !handle || handle.done(); }
    template <TaskPromise P>
    [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<P> awaiting) const noexcept {
      awaiting.promise().suspend_here();
      handle.promise().enter(*awaiting.promise().task(), awaiting);
      return handle;
    }
  };

  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
template <typename T>
Task<T> Promise<T>::get_return_object_on_allocation_failure() noexcept {
  return Task<T>();
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object_on_allocation_failure() noexcept {
  return Task<void>();
}

/// `co_await current_task()`: the header of the task that runs this coroutine.
struct CurrentTask {
  TaskHeader* task = nullptr;
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> handle) noexcept {
    task = handle.promise().task();
    return false;
  }
  TaskHeader& await_resume() const noexcept { return *task; }
};

/// `co_await current_token()`.
struct CurrentToken : CurrentTask {
  CancelToken await_resume() const noexcept { return task->cancel_source(); }
};

struct Yield {
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<P> handle) const noexcept {
    handle.promise().suspend_here();
    TaskHeader& task = *handle.promise().task();
    task.suspend_at(handle);
    return task.scheduler().yield(task);
  }
  void await_resume() const noexcept {}
};

}  // namespace detail

/// The task that awaits this; never suspends.
inline detail::CurrentTask current_task() noexcept {
  return {};
}
/// The token of the task that awaits this: cancelled by its join handle, or with the scope it is a
/// child of. Never suspends.
inline detail::CurrentToken current_token() noexcept {
  return {};
}
/// Lets the other runnable tasks of this hart go first.
inline detail::Yield yield_now() noexcept {
  return {};
}

}  // namespace quoll::async
