// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spawned tasks and their join handles.
//
// Protocol. A task and its handle share one word: null, the joiner that waits, or a mark that the
// handle has gone (*detached*) or the task has (*ended*). The end exchanges whatever is there for
// its mark: a joiner is woken, and what was detached is freed. The handle exchanges null for its
// mark, or frees a task that has ended. A joiner is put where null was, and a cancellation takes it
// out again: of the end and the cancellation, the one that finds it there wakes it. Everybody
// releases what he did before, and acquires what he finds.
#pragma once

#include <cstdint>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/async/task_list.hpp>
#include <quoll/async/wait.hpp>

namespace quoll::async {

/// Why a task could not be spawned.
enum class SpawnError : std::uint8_t { kOutOfMemory };

namespace detail {

/// Who waits for the end of a task.
struct Joiner {
  Guarded<TaskHeader*> task = nullptr;
};

/// The word that a task and its handle share.
class JoinWord {
 public:
  bool has_ended() const noexcept { return word_.load(std::memory_order_acquire) == kEnded; }

  /// The task has ended. The joiner to be woken, if there is one; false if nobody has the task any
  /// more, and it is the caller's to free. With either, it may be gone from here on.
  struct End {
    bool is_kept;
    Joiner* joiner;
  };
  End end() noexcept {
    const std::uintptr_t before = word_.exchange(kEnded, std::memory_order_acq_rel);
    if (before == kDetached) return {false, nullptr};
    return {true, joiner_of(before)};
  }

  /// The handle goes; false if the task has ended, and is the caller's to free.
  /// *Requires*: nobody waits.
  bool detach() noexcept {
    std::uintptr_t seen = kNobody;
    if (has_ended()) return false;
    if (word_.compare_exchange_strong(seen, kDetached, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      return true;
    }
    QUOLL_ASSERT(seen == kEnded);
    return false;
  }

  /// Waits; false if the task has ended. *Requires*: nobody else waits.
  bool put(Joiner& joiner) noexcept {
    std::uintptr_t seen = kNobody;
    if (word_.compare_exchange_strong(seen, word_of(joiner), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      return true;
    }
    QUOLL_ASSERT(seen == kEnded);
    return false;
  }
  /// Waits no longer; false if the task's end was first, which wakes.
  bool take_back(Joiner& joiner) noexcept {
    std::uintptr_t seen = word_of(joiner);
    return word_.compare_exchange_strong(seen, kNobody, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }

 private:
  static constexpr std::uintptr_t kNobody = 0;
  static constexpr std::uintptr_t kDetached = 1;
  static constexpr std::uintptr_t kEnded = 2;
  static_assert(alignof(Joiner) > kEnded);

  static std::uintptr_t word_of(Joiner& joiner) noexcept {
    // SAFETY: compared with the marks, which no joiner's alignment allows, and cast back.
    return reinterpret_cast<std::uintptr_t>(&joiner);
  }
  static Joiner* joiner_of(std::uintptr_t word) noexcept {
    // SAFETY: other words than the marks were made by `word_of`.
    return reinterpret_cast<Joiner*>(word);
  }

  Atomic<std::uintptr_t> word_{kNobody};
};

/// Where a task's value is kept from its end until it is joined.
template <typename T>
class TaskValue {
 public:
  template <typename Promise>
  void take_from(Promise& promise) {
    value_.emplace(promise.take());
  }
  T take() noexcept { return std::move(*value_); }

 private:
  std::optional<T> value_;
};
template <>
class TaskValue<void> {
 public:
  template <typename Promise>
  void take_from(Promise&) noexcept {}
  void take() noexcept {}
};

}  // namespace detail

/// A task with its outermost coroutine, from `spawn` until both the task and its handle have ended.
template <typename T>
class SpawnedTask final : public TaskHeader {
  // It is moved where no panic could be contained any more.
  static_assert(std::is_void_v<T> || std::is_nothrow_move_constructible_v<T>);

 public:
  /// *Requires*: `task.valid()`.
  SpawnedTask(Scheduler& scheduler, Task<T> task, const char* name) noexcept
      : TaskHeader(scheduler, name, &SpawnedTask::on_end), task_(std::move(task)) {
    task_.handle_.promise().enter(*this);
    begin_at(task_.handle_);
  }

  bool has_ended() const noexcept { return word_.has_ended(); }
  detail::JoinWord& word() noexcept { return word_; }
  /// *Requires*: it has ended.
  bool has_panicked() const noexcept { return panicked_; }
  /// *Requires*: it has ended without a panic, and the value was not taken before.
  T take() noexcept { return value_.take(); }

 private:
  static std::coroutine_handle<> on_end(TaskHeader& header) noexcept {
    auto& self = static_cast<SpawnedTask&>(header);
    Scheduler& scheduler = self.scheduler();
    self.finish();
    TaskList::remove(self);
    const detail::JoinWord::End end = self.word_.end();
    if (!end.is_kept) {
      delete &self;
    } else if (end.joiner != nullptr) {
      TaskHeader& joiner = *end.joiner->task;
      joiner.wake();
    }
    return scheduler.task_ended();
  }
  /// Whoever learns of the end finds the value, and all else that the task had gone.
  void finish() noexcept {
    auto& promise = task_.handle_.promise();
    panicked_ = promise.panicked();
    if (!panicked_) value_.take_from(promise);
    set_innermost(nullptr);
    task_ = Task<T>();
  }

  Task<T> task_;
  detail::JoinWord word_;
  detail::Guarded<bool> panicked_ = false;
  detail::TaskValue<T> value_;
};

/// A spawned task as its parent sees it. Dropping the handle detaches the task.
template <typename T = void>
class [[nodiscard]] JoinHandle {
 public:
  class Joining : private detail::Joiner, private CancelRegistration {
   public:
    Joining(SpawnedTask<T>& joined, CancelToken token) noexcept : joined_(joined), token_(token) {}

    bool await_ready() const noexcept { return joined_.has_ended(); }
    template <TaskPromise P>
    [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<P> handle) noexcept {
      return detail::suspend_task(handle, [this](TaskHeader& header) { return suspend(header); });
    }
    base::Result<T, WaitError> await_resume() noexcept {
      disarm();
      if (cancelled_) return base::err(WaitError::kCancelled);
      if (joined_.has_panicked()) return base::err(WaitError::kPanicked);
      if constexpr (std::is_void_v<T>) {
        return {};
      } else {
        return joined_.take();
      }
    }

   private:
    bool suspend(TaskHeader& header) noexcept {
      task = &header;
      bool waits = false;
      // Under the token's lock: a cancellation finds the joiner there, or was too early. Once it is
      // there this awaiter may be gone.
      const bool armed =
          arm(token_, &Joining::on_cancel, [this, &waits] { waits = joined_.word().put(*this); });
      if (!armed) cancelled_ = true;
      return waits;
    }
    static void on_cancel(CancelRegistration& registration) noexcept {
      auto& joining = static_cast<Joining&>(registration);
      if (!joining.joined_.word().take_back(joining)) return;
      joining.cancelled_ = true;
      TaskHeader& header = *joining.task;
      header.wake();
    }

    SpawnedTask<T>& joined_;
    CancelToken token_;
    detail::Guarded<bool> cancelled_ = false;
  };

  JoinHandle() = default;
  /// Takes the handle's part of a task.
  explicit JoinHandle(SpawnedTask<T>& task) noexcept : task_(&task) {}
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
  /// `kCancelled` by our own token. Who joins many waits least often if it joins the youngest
  /// first: when that has ended, so have most others.
  /// *Requires*: `valid()`; one joins at a time, and the handle stays meanwhile.
  Joining join(CancelToken token = {}) noexcept { return Joining(*task_, token); }
  /// Asks the task to end: its waits that carry its token end with `kCancelled`.
  void cancel() noexcept { task_->cancel_source().cancel(); }
  bool done() const noexcept { return task_->has_ended(); }
  void detach() noexcept {
    SpawnedTask<T>* const task = std::exchange(task_, nullptr);
    if (task != nullptr && !task->word().detach()) delete task;
  }

 private:
  SpawnedTask<T>* task_ = nullptr;
};

/// Starts a task on a scheduler; the handle joins, cancels or detaches it.
template <typename T>
base::Result<JoinHandle<T>, SpawnError> spawn(Scheduler& scheduler, Task<T> task,
                                              const char* name = "") {
  if (!task.valid()) return base::err(SpawnError::kOutOfMemory);
  auto* const spawned = new (std::nothrow) SpawnedTask<T>(scheduler, std::move(task), name);
  if (spawned == nullptr) return base::err(SpawnError::kOutOfMemory);
  JoinHandle<T> handle(*spawned);
  scheduler.start(*spawned);
  return handle;
}

}  // namespace quoll::async
