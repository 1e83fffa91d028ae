// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// when_all: several tasks at once, and all of their values.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <quoll/async/detail/children.hpp>

namespace quoll::async {

/// What stands for the value of a `Task<T>` among others: for `void`, a value of one kind.
template <typename T>
using ValueOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

namespace detail {

/// Starts a task that leaves its value in `place`; false when there is no memory for it.
template <typename T>
bool start_into(Family<TaskError>& family, std::optional<ValueOf<T>>& place, Task<T> task) {
  const auto started =
      family.start(std::move(task), "", [&family, &place](base::Result<T, TaskError>& ended) {
        if (!ended) return family.fail(ended.error());
        if constexpr (std::is_void_v<T>) {
          place.emplace();
        } else {
          place.emplace(std::move(*ended));
          if (is_failure(*place)) family.source().cancel();
        }
      });
  if (!started) family.fail(TaskError::kOutOfMemory);
  return started.has_value();
}

}  // namespace detail

/// `co_await when_all(token, a(), b())`: runs the tasks as tasks of their own, on any hart, and
/// gives a tuple of all their values when all have ended. If one of them fails (a `Result` without
/// a value) the others are cancelled: their values tell. `kPanicked` if one of them panicked,
/// `kOutOfMemory` if they could not all be started; then too all have ended. Each waits with its
/// own token (`current_token`), which is cancelled with `token`.
template <typename... T>
  requires(sizeof...(T) != 0)
Task<base::Result<std::tuple<ValueOf<T>...>, TaskError>> when_all(CancelToken token,
                                                                  Task<T>... tasks) {
  using Values = std::tuple<ValueOf<T>...>;
  detail::Family<TaskError> family((co_await current_task()).scheduler(), token);
  std::tuple<std::optional<ValueOf<T>>...> values;
  if ((tasks.valid() && ...)) {
    std::apply(
        [&](auto&... value) { (detail::start_into(family, value, std::move(tasks)) && ...); },
        values);
  } else {
    family.fail(TaskError::kOutOfMemory);
  }
  co_await family.all_ended();
  if (family.has_failed()) co_return base::err(family.failure());
  co_return std::apply([](auto&... value) { return Values(std::move(*value)...); }, values);
}

/// The same for an array of tasks, whose values come in an array.
template <typename T, std::size_t N>
  requires(N != 0)
Task<base::Result<std::array<ValueOf<T>, N>, TaskError>> when_all(CancelToken token,
                                                                  std::array<Task<T>, N> tasks) {
  detail::Family<TaskError> family((co_await current_task()).scheduler(), token);
  std::array<std::optional<ValueOf<T>>, N> values;
  for (std::size_t i = 0; i < N; ++i) {
    if (!detail::start_into(family, values[i], std::move(tasks[i]))) break;
  }
  co_await family.all_ended();
  if (family.has_failed()) co_return base::err(family.failure());
  co_return [&]<std::size_t... kAt>(std::index_sequence<kAt...>) {
    return std::array<ValueOf<T>, N>{std::move(*values[kAt])...};
  }(std::make_index_sequence<N>());
}

}  // namespace quoll::async
