// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Shared ownership by a count inside the object.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <quoll/base/assert.hpp>

namespace quoll::intrusive {

/// Gives `T` a reference count; derive `class T : public RefCounted<T>`. It starts at one, which
/// the first `RefPtr` adopts.
template <typename T>
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void add_reference() const noexcept {
    // A count that was zero has an owner no longer: nobody may revive the object.
    const auto before = references_.fetch_add(1, std::memory_order_relaxed);
    QUOLL_ASSERT(before != 0 && before != UINT32_MAX);
  }
  /// Gives up one reference; the last one deletes the object.
  void drop_reference() const noexcept {
    // Not by a fence, which thread sanitizers do not see.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete static_cast<const T*>(this);
  }
  bool is_unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

 protected:
  constexpr RefCounted() = default;
  ~RefCounted() = default;

 private:
  mutable std::atomic<std::uint32_t> references_{1};
};

/// Owns one reference to a `T`, or nothing.
template <typename T>
class RefPtr {
 public:
  constexpr RefPtr() = default;
  constexpr RefPtr(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor): null is null
  RefPtr(const RefPtr& other) noexcept : object_(other.object_) {
    if (object_ != nullptr) object_->add_reference();
  }
  RefPtr(RefPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  /// As a pointer to an object is one to its base.
  template <typename U>
    requires(!std::same_as<U, T> && std::convertible_to<U*, T*>)
  RefPtr(RefPtr<U> other) noexcept  // NOLINT(google-explicit-constructor): so does a pointer
      : object_(other.leak()) {}
  RefPtr& operator=(RefPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~RefPtr() {
    // Where a TRY returns, the analyzer destroys what the TRY would have made.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    if (object_ != nullptr) object_->drop_reference();
  }

  /// Takes over a reference that exists already: the one of a new object, or one that was leaked.
  static RefPtr adopt(T* object) noexcept {
    RefPtr out;
    out.object_ = object;
    return out;
  }
  /// Takes a further reference.
  static RefPtr retain(T* object) noexcept {
    if (object != nullptr) object->add_reference();
    return adopt(object);
  }
  /// Gives the reference out of the smart pointer's hands.
  [[nodiscard]] T* leak() noexcept { return std::exchange(object_, nullptr); }

  T* get() const noexcept { return object_; }
  T& operator*() const {
    QUOLL_ASSERT(object_ != nullptr);
    return *object_;
  }
  T* operator->() const {
    QUOLL_ASSERT(object_ != nullptr);
    return object_;
  }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  bool operator==(const RefPtr&) const = default;

 private:
  T* object_ = nullptr;
};

}  // namespace quoll::intrusive
