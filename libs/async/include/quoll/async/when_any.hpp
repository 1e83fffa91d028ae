// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// when_any: several tasks at once, and the value of the first to end.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include <quoll/async/when_all.hpp>

namespace quoll::async {

/// Which of an array of tasks ended first, and with what.
template <typename T>
struct FirstOf {
  std::size_t index;
  T value;
};

namespace detail {

/// Children of which the first to end counts, and has the others cancelled.
class Contest : public Family<TaskError> {
 public:
  using Family::Family;

  /// Starts a task that calls `win(value)` if it is the first; false when there is no memory.
  template <typename T, typename Win>
  bool enter(Task<T> task, Win win) {
    const auto started = start(std::move(task), "", [this, win](base::Result<T, TaskError>& ended) {
      if (!is_first()) return;
      if (!ended) return fail(ended.error());
      if constexpr (std::is_void_v<T>) {
        win(std::monostate());
      } else {
        win(std::move(*ended));
      }
      source().cancel();
    });
    if (started) return true;
    // Whoever has won by now has not.
    fail(TaskError::kOutOfMemory);
    return false;
  }

 private:
  bool is_first() noexcept {
    const LockGuard guard(lock());
    if (is_won_) return false;
    is_won_ = true;
    return true;
  }

  Guarded<bool> is_won_ = false;
};

/// Enters each task for its own place among the alternatives.
template <typename Outcome, typename... T, std::size_t... kAt>
void enter_each(Contest& contest, std::optional<Outcome>& outcome, std::index_sequence<kAt...>,
                Task<T>&... tasks) {
  (contest.enter(std::move(tasks),
                 [&outcome](ValueOf<T> value) {
                   outcome.emplace(std::in_place_index<kAt>, std::move(value));
                 }) &&
   ...);
}

}  // namespace detail

/// `co_await when_any(token, a(), b())`: runs the tasks as tasks of their own, on any hart, and
/// gives the value of the first to end, as the alternative of its place. The others are cancelled,
/// and have ended before this does; what they made all the same is dropped, so a task that takes
/// something from somewhere puts it where others find it. `kPanicked` if the first ended so,
/// `kOutOfMemory` if they could not all be started. Each waits with its own token
/// (`current_token`), which is cancelled with `token`.
template <typename... T>
  requires(sizeof...(T) != 0)
Task<base::Result<std::variant<ValueOf<T>...>, TaskError>> when_any(CancelToken token,
                                                                    Task<T>... tasks) {
  detail::Contest contest((co_await current_task()).scheduler(), token);
  std::optional<std::variant<ValueOf<T>...>> outcome;
  if ((tasks.valid() && ...)) {
    detail::enter_each(contest, outcome, std::index_sequence_for<T...>(), tasks...);
  } else {
    contest.fail(TaskError::kOutOfMemory);
  }
  co_await contest.all_ended();
  if (contest.has_failed()) co_return base::err(contest.failure());
  co_return std::move(*outcome);
}

/// The same for an array of tasks.
template <typename T, std::size_t N>
  requires(N != 0)
Task<base::Result<FirstOf<ValueOf<T>>, TaskError>> when_any(CancelToken token,
                                                            std::array<Task<T>, N> tasks) {
  detail::Contest contest((co_await current_task()).scheduler(), token);
  std::optional<FirstOf<ValueOf<T>>> outcome;
  for (std::size_t i = 0; i < N; ++i) {
    const auto win = [&outcome, i](ValueOf<T> value) {
      outcome.emplace(FirstOf<ValueOf<T>>{i, std::move(value)});
    };
    if (!contest.enter(std::move(tasks[i]), win)) break;
  }
  co_await contest.all_ended();
  if (contest.has_failed()) co_return base::err(contest.failure());
  co_return std::move(*outcome);
}

}  // namespace quoll::async
