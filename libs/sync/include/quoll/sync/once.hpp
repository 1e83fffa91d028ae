// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Things that happen once: a call, and a value that is set once and read ever after.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include <quoll/base/assert.hpp>

namespace quoll::sync {

/// Runs a function exactly once, whoever comes first; the others wait until it is done.
class Once {
 public:
  constexpr Once() = default;
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  template <typename F>
  void call(F&& f) {
    if (is_done()) return;
    std::uint32_t expected = kIdle;
    if (state_.compare_exchange_strong(expected, kRunning, std::memory_order_acquire)) {
      std::forward<F>(f)();
      state_.store(kDone, std::memory_order_release);
      return;
    }
    while (!is_done()) asm volatile("" ::: "memory");
  }
  bool is_done() const noexcept { return state_.load(std::memory_order_acquire) == kDone; }

 private:
  static constexpr std::uint32_t kIdle = 0;
  static constexpr std::uint32_t kRunning = 1;
  static constexpr std::uint32_t kDone = 2;
  std::atomic<std::uint32_t> state_{kIdle};
};

/// A value that is constructed in place once, at run time, and never destroyed: what a program
/// without static constructors uses for its singletons.
template <typename T>
class OnceCell {
 public:
  constexpr OnceCell() : none_(0) {}
  OnceCell(const OnceCell&) = delete;
  OnceCell& operator=(const OnceCell&) = delete;
  constexpr ~OnceCell() {}

  /// *Requires*: nobody called it before.
  template <typename... Args>
  T& emplace(Args&&... args) {
    QUOLL_ASSERT(!ready_.load(std::memory_order_relaxed));
    T* value = std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
    ready_.store(true, std::memory_order_release);
    return *value;
  }
  bool has_value() const noexcept { return ready_.load(std::memory_order_acquire); }
  /// *Requires*: `has_value()`.
  T& get() noexcept {
    QUOLL_ASSERT(has_value());
    return value_;
  }
  const T& get() const noexcept {
    QUOLL_ASSERT(has_value());
    return value_;
  }

 private:
  union {
    char none_;
    T value_;
  };
  std::atomic<bool> ready_{false};
};

}  // namespace quoll::sync
