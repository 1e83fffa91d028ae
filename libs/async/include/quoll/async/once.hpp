// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Once and OnceCell: something that the first task to come does, and the others wait for. Doing it
// may fail or be cancelled; then it is the next one's turn.
#pragma once

#include <concepts>
#include <optional>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// Something to do once.
///
///     auto turn = co_await once.enter(token);
///     if (turn && turn->is_ours()) {
///       ...               // leaving early lets the next task try
///       turn->complete();
///     }
class Once {
 public:
  /// What a task finds: that it is done, or that it is its turn to do it. A turn that goes without
  /// `complete`, by an error or a panic, goes to the task that has waited longest.
  class [[nodiscard]] Turn {
   public:
    Turn(Turn&& other) noexcept : once_(std::exchange(other.once_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (once_ != nullptr) once_->give_up();
    }
    bool is_ours() const noexcept { return once_ != nullptr; }
    /// It is done. *Requires*: `is_ours()`.
    void complete() noexcept {
      Once* const once = std::exchange(once_, nullptr);
      QUOLL_ASSERT(once != nullptr);
      once->complete();
    }

   private:
    friend class Once;
    explicit Turn(Once* once) noexcept : once_(once) {}
    Once* once_;
  };

  class Entering : public detail::WaitBase<Entering> {
   public:
    Entering(Once& once, CancelToken token) noexcept
        : WaitBase(once.lock_, once.waiters_, token), once_(once) {}
    base::Result<Turn, WaitError> await_resume() noexcept {
      if (finish() != WaitState::kWoken) return base::err(WaitError::kCancelled);
      // Who was woken before it was done has the turn, and nobody else can get it done.
      return Turn(once_.is_done() ? nullptr : &once_);
    }
    WaitState try_now_locked() noexcept {
      if (once_.is_done()) return WaitState::kWoken;
      if (once_.begun_) return WaitState::kIdle;
      once_.begun_ = true;
      return WaitState::kWoken;
    }

   private:
    Once& once_;
  };

  Once() = default;
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;
  ~Once() { QUOLL_ASSERT(waiters_.empty()); }

  bool is_done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// `co_await once.enter(token)`: `Result<Once::Turn, WaitError>`.
  Entering enter(CancelToken token = {}) noexcept { return {*this, token}; }

 private:
  void complete() noexcept {
    detail::end_all(lock_, waiters_, WaitState::kWoken,
                    [this] { done_.store(true, std::memory_order_release); });
  }
  void give_up() noexcept {
    detail::LockGuard guard(lock_);
    Waiter* const next = waiters_.pop_front(WaitState::kWoken);
    if (next == nullptr) begun_ = false;
    guard.unlock();
    detail::wake_taken(next);
  }

  detail::Lock lock_;
  WaitList waiters_;
  detail::Guarded<bool> begun_ = false;  ///< somebody has the turn
  detail::Atomic<bool> done_{false};
};

/// Errors that can say that a wait was cancelled, or that there was no memory for a coroutine.
template <typename E>
concept WaitingError = requires {
  E{E::kCancelled};
  E{E::kOutOfMemory};
};

/// A value that the first task to need it makes.
template <typename T>
class OnceCell {
 public:
  OnceCell() = default;

  /// The value if there is one yet. What it is when there is one stays.
  T* get() noexcept { return once_.is_done() ? &*value_ : nullptr; }

  /// `co_await cell.get_or_make(make, token)`: `Result<T*, E>`. `make()` gives a
  /// `Task<Result<T, E>>`; when that fails its error is ours, and the next task that waits tries.
  /// The token ends the waiting only: `make` sees to its own.
  template <typename Make>
  auto get_or_make(Make make, CancelToken token = {})
      -> Task<base::Result<T*, typename decltype(make())::value_type::error_type>>
    requires WaitingError<typename decltype(make())::value_type::error_type>
  {
    using Error = typename decltype(make())::value_type::error_type;
    auto turn = co_await once_.enter(token);
    if (!turn) co_return base::err(Error{Error::kCancelled});
    if (turn->is_ours()) {
      auto made = co_await make();
      if (!made) co_return base::err(std::move(made).error());
      value_.emplace(std::move(*made));
      turn->complete();
    }
    co_return &*value_;
  }

 private:
  Once once_;
  std::optional<T> value_;
};

}  // namespace quoll::async
