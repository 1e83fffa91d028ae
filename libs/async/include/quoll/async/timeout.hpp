// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// timeout: a task that is asked to end when a time has come.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include <quoll/async/cancel_link.hpp>
#include <quoll/async/detail/children.hpp>
#include <quoll/async/timer_wheel.hpp>

namespace quoll::async {

/// Why a task with a deadline gave no value.
enum class TimeoutError : std::uint8_t {
  kTimedOut,     ///< it ended without success after its deadline
  kOutOfMemory,  ///< its coroutine could not be made
};

/// A source that is cancelled when a time comes, or with another token. Allocates nothing; to set
/// it and to take it back take constant time.
class Deadline : private Timer {
 public:
  /// *Context*: a task, on the hart whose timers these are.
  Deadline(TimerWheel& timers, Ticks at, CancelToken parent) noexcept
      : timers_(timers), parent_(parent, source_) {
    deadline = at;
    // A cancellation takes locks, that of a wheel too where it ends a sleep.
    fires_unlocked = true;
    fire = [](Timer& timer) noexcept {
      auto& self = static_cast<Deadline&>(timer);
      self.has_passed_ = true;
      self.source_.cancel();
    };
    const detail::LockGuard guard(timers_.lock());
    timers_.insert_locked(*this);
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { (void)settle(); }

  CancelToken token() noexcept { return source_; }
  /// Whether the time had come; from here on it does not.
  bool settle() noexcept {
    const detail::LockGuard guard(timers_.lock());
    timers_.settle_locked(*this);
    return has_passed_;
  }

 private:
  TimerWheel& timers_;
  // Of the hart that fires, until that is settled.
  detail::Guarded<bool> has_passed_ = false;
  CancelSource source_;
  CancelLink parent_;
};

/// `co_await timeout(deadline, token, body)`: awaits `body(token)`, a `Task<T>`, whose token is
/// cancelled when the deadline or a cancellation of ours comes. Gives a `Result<T, TimeoutError>`
/// when the body has ended, which is later than the deadline where it does not look at its token.
///
/// A body that succeeds in the last moment has: its value is given. `kTimedOut` says that the
/// deadline had come and that it failed, or that its value does not say (no `Result`). It runs in
/// the task that awaits this, so a panic of it goes on there.
template <typename Body>
auto timeout(Ticks deadline, CancelToken token, Body body) -> Task<
    base::Result<typename std::invoke_result_t<Body&, CancelToken>::value_type, TimeoutError>> {
  using T = typename std::invoke_result_t<Body&, CancelToken>::value_type;
  Deadline limit((co_await current_task()).scheduler().timers(), deadline, token);
  auto ended = co_await body(limit.token()).checked();
  const bool has_passed = limit.settle();
  if (!ended) co_return base::err(TimeoutError::kOutOfMemory);
  if constexpr (detail::Fallible<T>) {
    if (has_passed && detail::is_failure(*ended)) co_return base::err(TimeoutError::kTimedOut);
  } else {
    if (has_passed) co_return base::err(TimeoutError::kTimedOut);
  }
  if constexpr (std::is_void_v<T>) {
    co_return {};
  } else {
    co_return std::move(*ended);
  }
}

}  // namespace quoll::async
