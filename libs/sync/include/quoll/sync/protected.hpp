// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Data that can be reached only through its lock.
#pragma once

#include <type_traits>
#include <utility>

#include <quoll/sync/annotations.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::sync {

/// A `T` and its lock, inseparable.
template <typename T, typename Lock>
class Protected {
 public:
  constexpr Protected() = default;
  template <typename... Args>
    requires std::is_constructible_v<T, Args...>
  constexpr explicit Protected(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Protected(const Protected&) = delete;
  Protected& operator=(const Protected&) = delete;

  /// Calls `f` with the value, under the lock. What `f` returns must not lead back into it.
  template <typename F>
  [[gnu::always_inline]] decltype(auto) with(F&& f) QUOLL_EXCLUDES(lock_) {
    LockGuard guard(lock_);
    return std::forward<F>(f)(value_);
  }

 private:
  Lock lock_;
  T value_ QUOLL_GUARDED_BY(lock_){};
};

}  // namespace quoll::sync
