// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Scopes: tasks that end before the coroutine which started them goes on, however it goes on.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <quoll/async/detail/children.hpp>

namespace quoll::async {

/// Errors that can say that a coroutine could not be made, and that a panic has ended one.
template <typename E>
concept ScopeError = requires {
  E{E::kOutOfMemory};
  E{E::kPanicked};
};

/// Where the children of a `with_scope` are started.
template <ScopeError E = WaitError>
class Scope {
 public:
  Scope(Scheduler& scheduler, CancelToken parent) noexcept : family_(scheduler, parent) {}

  /// Starts a child, which runs on any hart; its value is dropped in it when it has ended. A
  /// `Result` without a value, and a panic, end the scope. Its own token (`current_token`) is
  /// cancelled with the scope's.
  /// *Requires*: called by the scope's body or by one of its children; the name outlives the task.
  template <typename T>
  base::Result<void, SpawnError> spawn(Task<T> task, const char* name = "") {
    return family_.start(std::move(task), name, [this](base::Result<T, TaskError>& ended) {
      if (!ended) {
        // It was made before it began.
        family_.fail(E{E::kPanicked});
      } else if constexpr (detail::Fallible<T>) {
        if (!ended->has_value()) family_.fail(std::move(*ended).error());
      }
    });
  }
  /// Asks all children to end, those too that are still to come; no failure by itself.
  void cancel() noexcept { family_.source().cancel(); }
  /// Cancelled when the scope's parent is, when one of the children or the body has failed, or by
  /// `cancel`: for what the body itself waits for.
  CancelToken token() noexcept { return family_.source(); }
  /// `co_await scope.all_ended()`: until there are no children. *Context*: the scope's body.
  auto all_ended() noexcept { return family_.all_ended(); }

 private:
  template <typename F, typename Body>
  friend auto with_scope(CancelToken token, Body body) -> std::invoke_result_t<Body&, Scope<F>&>;
  detail::Family<E> family_;
};

/// `co_await with_scope(token, body)`: runs `body(scope)`, a `Task<Result<R, E>>`, and gives its
/// result when it and all children have ended. If one of them failed, it gives the error of the
/// first that did, and the others were cancelled; a panic is `E::kPanicked`. When the token is
/// cancelled all are, and their answers decide.
///
/// The body's own locals go when it ends, before its children do: what these refer to lies outside
/// of the body, or the body awaits `scope.all_ended()` before it leaves.
template <typename E = WaitError, typename Body>
auto with_scope(CancelToken token, Body body) -> std::invoke_result_t<Body&, Scope<E>&> {
  using Value = typename std::invoke_result_t<Body&, Scope<E>&>::value_type;
  static_assert(std::same_as<typename Value::error_type, E>, "with_scope<E>: the body's errors");
  Scope<E> scope((co_await current_task()).scheduler(), token);
  detail::Family<E>& family = scope.family_;
  auto ended = co_await body(scope).contained();
  if (!ended) {
    const bool has_panicked = ended.error() == TaskError::kPanicked;
    family.fail(has_panicked ? E{E::kPanicked} : E{E::kOutOfMemory});
  } else if (!ended->has_value()) {
    family.fail(ended->error());
  }
  co_await family.all_ended();
  if (family.has_failed()) co_return base::err(std::move(family.failure()));
  co_return std::move(*ended);
}

}  // namespace quoll::async
