// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tasks that a coroutine has started and whose end it awaits: what scopes and combinators are made
// of.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/async/cancel_link.hpp>
#include <quoll/async/join.hpp>
#include <quoll/async/wait.hpp>

namespace quoll::async::detail {

/// Tasks that share a source of cancellation and are counted. Each is linked to the source by its
/// own token, and leaves when everything that it held is gone.
///
/// *Requires*: nobody destroys it before `all_ended` was awaited.
class Children {
 public:
  Children(Scheduler& scheduler, CancelToken parent) noexcept
      : scheduler_(scheduler), parent_(parent, source_) {}
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() { QUOLL_ASSERT(running_ == 0); }

  CancelSource& source() noexcept { return source_; }
  /// What its users note of their children: the same lock.
  Lock& lock() noexcept { return lock_; }

  /// Starts a child; `done(ended)` gets its `Result<T, TaskError>&` in the child, just before that
  /// leaves. *Requires*: the caller is a child itself, or whoever awaits them.
  template <typename T, typename Done>
  base::Result<void, SpawnError> start(Task<T> task, const char* name, Done done) {
    // What is destroyed behind the child's end may only be what has nothing to do any more.
    static_assert(std::is_trivially_destructible_v<Done>);
    if (!task.valid()) return base::err(SpawnError::kOutOfMemory);
    enter();
    const auto spawned = spawn(scheduler_, run_child(*this, std::move(task), done), name);
    if (!spawned) {
      leave();
      return base::err(spawned.error());
    }
    return {};
  }

  class Ending : public WaitBase<Ending> {
   public:
    explicit Ending(Children& children) noexcept
        : WaitBase(children.lock_, children.waiters_, {}), children_(children) {}
    void await_resume() noexcept { (void)finish(); }
    WaitState try_now_locked() noexcept {
      return children_.running_ == 0 ? WaitState::kWoken : WaitState::kIdle;
    }

   private:
    Children& children_;
  };
  /// `co_await`: until all have ended. No token: who wants it sooner cancels the source.
  Ending all_ended() noexcept { return Ending(*this); }

 private:
  /// The child's place among the others, from its first step until all else in it has gone.
  class Member {
   public:
    Member(Children& children, TaskHeader& task) noexcept
        : children_(children), link_(children.source_, task.cancel_source()) {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() {
      link_.unlink();
      children_.leave();
    }

   private:
    Children& children_;
    CancelLink link_;
  };

  template <typename T, typename Done>
  static Task<void> run_child(Children& children, Task<T> task, Done done) {
    const Member member(children, co_await current_task());
    // Not the parameter, which goes after `member` does.
    Task<T> running = std::move(task);
    auto ended = co_await std::move(running).contained();
    done(ended);
  }

  void enter() noexcept {
    const LockGuard guard(lock_);
    running_ = running_ + 1;
  }
  void leave() noexcept {
    LockGuard guard(lock_);
    running_ = running_ - 1;
    if (running_ != 0) return;
    Waiter* const all = waiters_.take_all(WaitState::kWoken);
    // Whoever waits may destroy this as soon as the lock is free.
    guard.unlock();
    wake_taken(all);
  }

  Scheduler& scheduler_;
  Lock lock_;
  WaitList waiters_;
  Guarded<std::size_t> running_ = 0;
  CancelSource source_;
  CancelLink parent_;
};

/// Children of which the first that fails has the others cancelled.
template <typename E>
class Family : public Children {
 public:
  using Children::Children;

  /// Notes why, if it is the first to fail.
  void fail(E error) noexcept {
    {
      const LockGuard guard(lock());
      if (has_failed_) return;
      has_failed_ = true;
      failure_.emplace(std::move(error));
    }
    source().cancel();
  }
  /// *Requires*: all have ended.
  bool has_failed() const noexcept { return has_failed_; }
  /// *Requires*: `has_failed()`.
  E& failure() noexcept { return *failure_; }

 private:
  Guarded<bool> has_failed_ = false;
  std::optional<E> failure_;
};

/// Values that can say that their task failed.
template <typename T>
concept Fallible = requires(const T& value) {
  value.has_value();
  value.error();
};
/// Whether a value says so: a result, or the result in a result.
template <typename T>
bool is_failure(const T& value) noexcept {
  if constexpr (Fallible<T>) {
    if (!value.has_value()) return true;
    if constexpr (!std::is_void_v<typename T::value_type>) return is_failure(*value);
  }
  return false;
}

}  // namespace quoll::async::detail
