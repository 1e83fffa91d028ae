// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Result<T, E>: a value, or the reason why there is none.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <quoll/base/assert.hpp>

namespace quoll::base {

/// Tags a value as an error on its way into a `Result`.
template <typename E>
class Unexpected {
 public:
  constexpr explicit Unexpected(E error) : error_(std::move(error)) {}
  constexpr const E& error() const& noexcept { return error_; }
  constexpr E&& error() && noexcept { return std::move(error_); }

 private:
  E error_;
};

template <typename E>
Unexpected(E) -> Unexpected<E>;

/// Shorthand: `return err(MapError::kOverlap);`
template <typename E>
constexpr Unexpected<std::decay_t<E>> err(E&& error) {
  return Unexpected<std::decay_t<E>>(std::forward<E>(error));
}

/// A value of type `T`, or an error of type `E`. The surface is a subset of `std::expected`.
///
/// *Requires*: `value()` and `operator*` only after `has_value()`; checked by QUOLL_ASSERT.
template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  // NOLINTNEXTLINE(google-explicit-constructor): mirrors std::expected
  constexpr Result(T value) : value_(std::move(value)), has_value_(true) {}
  template <typename G>
    requires std::convertible_to<G, E>
  // NOLINTNEXTLINE(google-explicit-constructor): mirrors std::expected
  constexpr Result(Unexpected<G> error) : error_(std::move(error).error()), has_value_(false) {}

  constexpr Result(Result&& other) noexcept : has_value_(other.has_value_) {
    take(std::move(other));
  }
  constexpr Result(const Result& other)
    requires std::copy_constructible<T> && std::copy_constructible<E>
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), other.value_);
    } else {
      std::construct_at(std::addressof(error_), other.error_);
    }
  }
  constexpr Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      destroy();
      has_value_ = other.has_value_;
      take(std::move(other));
    }
    return *this;
  }
  constexpr Result& operator=(const Result& other)
    requires std::copy_constructible<T> && std::copy_constructible<E>
  {
    if (this != &other) *this = Result(other);
    return *this;
  }
  constexpr ~Result() { destroy(); }

  constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  constexpr T& value() & {
    QUOLL_ASSERT(has_value_);
    return value_;
  }
  constexpr const T& value() const& {
    QUOLL_ASSERT(has_value_);
    return value_;
  }
  constexpr T&& value() && {
    QUOLL_ASSERT(has_value_);
    return std::move(value_);
  }
  constexpr T& operator*() & { return value(); }
  constexpr const T& operator*() const& { return value(); }
  constexpr T&& operator*() && { return std::move(*this).value(); }
  constexpr T* operator->() { return std::addressof(value()); }
  constexpr const T* operator->() const { return std::addressof(value()); }

  constexpr const E& error() const& {
    QUOLL_ASSERT(!has_value_);
    return error_;
  }
  constexpr E&& error() && {
    QUOLL_ASSERT(!has_value_);
    return std::move(error_);
  }

  template <typename U>
  constexpr T value_or(U&& other) && {
    return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other));
  }
  template <typename F>
  constexpr auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (has_value_) return std::forward<F>(f)(std::move(value_));
    return Unexpected<E>(std::move(error_));
  }
  template <typename F>
  constexpr auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>, E> {
    if (!has_value_) return Unexpected<E>(std::move(error_));
    if constexpr (std::is_void_v<std::invoke_result_t<F, T&&>>) {
      std::forward<F>(f)(std::move(value_));
      return {};
    } else {
      return std::forward<F>(f)(std::move(value_));
    }
  }
  template <typename F>
  constexpr auto transform_error(F&& f) && -> Result<T, std::invoke_result_t<F, E&&>> {
    if (has_value_) return std::move(value_);
    return Unexpected<std::invoke_result_t<F, E&&>>(std::forward<F>(f)(std::move(error_)));
  }

 private:
  constexpr void take(Result&& other) noexcept {
    if (has_value_) {
      std::construct_at(std::addressof(value_), std::move(other.value_));
    } else {
      std::construct_at(std::addressof(error_), std::move(other.error_));
    }
  }
  constexpr void destroy() noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
    }
  }

  union {
    T value_;
    E error_;
  };
  bool has_value_;
};

/// Success without a value, or an error.
template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  constexpr Result() = default;
  template <typename G>
    requires std::convertible_to<G, E>
  // NOLINTNEXTLINE(google-explicit-constructor): mirrors std::expected
  constexpr Result(Unexpected<G> error) : failure_(std::move(error).error()) {}

  constexpr bool has_value() const noexcept { return failure_.has_value_; }
  constexpr explicit operator bool() const noexcept { return failure_.has_value_; }
  constexpr void value() const { QUOLL_ASSERT(has_value()); }
  constexpr void operator*() const { value(); }
  constexpr const E& error() const& {
    QUOLL_ASSERT(!has_value());
    return failure_.error_;
  }
  constexpr E&& error() && {
    QUOLL_ASSERT(!has_value());
    return std::move(failure_.error_);
  }

  template <typename F>
  constexpr auto and_then(F&& f) && -> std::invoke_result_t<F> {
    if (has_value()) return std::forward<F>(f)();
    return Unexpected<E>(std::move(failure_.error_));
  }
  template <typename F>
  constexpr auto transform_error(F&& f) && -> Result<void, std::invoke_result_t<F, E&&>> {
    if (has_value()) return {};
    return Unexpected<std::invoke_result_t<F, E&&>>(std::forward<F>(f)(std::move(failure_.error_)));
  }

 private:
  // An optional error; written out because std::optional's engaged sense is the reverse.
  struct Failure {
    constexpr Failure() : none_(0), has_value_(true) {}
    constexpr explicit Failure(E error) : error_(std::move(error)), has_value_(false) {}
    constexpr Failure(Failure&& other) noexcept : none_(0), has_value_(other.has_value_) {
      if (!has_value_) std::construct_at(std::addressof(error_), std::move(other.error_));
    }
    constexpr Failure(const Failure& other)
      requires std::copy_constructible<E>
        : none_(0), has_value_(other.has_value_) {
      if (!has_value_) std::construct_at(std::addressof(error_), other.error_);
    }
    constexpr Failure& operator=(Failure&& other) noexcept {
      if (this != &other) {
        if (!has_value_) std::destroy_at(std::addressof(error_));
        has_value_ = other.has_value_;
        if (!has_value_) std::construct_at(std::addressof(error_), std::move(other.error_));
      }
      return *this;
    }
    constexpr Failure& operator=(const Failure& other) {
      if (this != &other) *this = Failure(other);
      return *this;
    }
    constexpr ~Failure() {
      if (!has_value_) std::destroy_at(std::addressof(error_));
    }
    union {
      char none_;
      E error_;
    };
    bool has_value_;
  };
  Failure failure_;
};

}  // namespace quoll::base

// A fresh name for each use, so that a TRY inside a TRY shadows nothing.
#define QUOLL_TRY_CONCAT_(a, b) a##b
#define QUOLL_TRY_NAME_(counter) QUOLL_TRY_CONCAT_(quoll_try_result_, counter)
#define QUOLL_TRY_(name, leave, ...)                            \
  ({                                                            \
    auto name = (__VA_ARGS__);                                  \
    if (!name.has_value()) [[unlikely]]                         \
      leave ::quoll::base::Unexpected(std::move(name).error()); \
    std::move(name).value();                                    \
  })

/// The value of a `Result`, or an early return of its error from the enclosing plain function.
#define TRY(...) QUOLL_TRY_(QUOLL_TRY_NAME_(__COUNTER__), return, __VA_ARGS__)

/// As `TRY`, from the enclosing coroutine. The operand does not suspend: name an awaited result
/// first (docs/decisions/0005).
#define CO_TRY(...) QUOLL_TRY_(QUOLL_TRY_NAME_(__COUNTER__), co_return, __VA_ARGS__)
