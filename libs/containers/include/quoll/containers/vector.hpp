// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Vector<T>: a growable array that reports when memory runs out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <quoll/base/assert.hpp>

namespace quoll::containers {

/// A growable array. What may allocate is called `try_…` and returns false when memory is short,
/// leaving the contents as they were.
template <typename T>
class [[nodiscard]] Vector {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>);

 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  Vector() = default;
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;
  Vector(Vector&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Vector& operator=(Vector&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  ~Vector() { release(); }

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  std::span<T> span() noexcept { return {data_, size_}; }
  std::span<const T> span() const noexcept { return {data_, size_}; }

  T& operator[](std::size_t index) {
    QUOLL_ASSERT(index < size_);
    return data_[index];
  }
  const T& operator[](std::size_t index) const {
    QUOLL_ASSERT(index < size_);
    return data_[index];
  }
  T& back() {
    QUOLL_ASSERT(size_ != 0);
    return data_[size_ - 1];
  }
  const T& back() const {
    QUOLL_ASSERT(size_ != 0);
    return data_[size_ - 1];
  }

  /// Makes room for `count` elements in all.
  [[nodiscard]] bool try_reserve(std::size_t count) noexcept {
    return count <= capacity_ || reallocate(count);
  }

  /// Appends `value`; it is left untouched when memory is short.
  [[nodiscard]] bool try_push_back(T&& value) noexcept {
    return try_emplace_back(std::move(value));
  }
  [[nodiscard]] bool try_push_back(const T& value) noexcept
    requires std::is_nothrow_copy_constructible_v<T>
  {
    return try_emplace_back(value);
  }

  /// Appends `value`. *Requires*: `size() < capacity()`.
  void push_back_reserved(const T& value) noexcept
    requires std::is_nothrow_copy_constructible_v<T>
  {
    QUOLL_DEBUG_ASSERT(size_ < capacity_);
    std::construct_at(data_ + size_++, value);
  }

  /// Appends an element made of `arguments`, which may refer into this vector.
  template <typename... Arguments>
  [[nodiscard]] bool try_emplace_back(Arguments&&... arguments) noexcept {
    if (size_ == capacity_) [[unlikely]] {
      T made(std::forward<Arguments>(arguments)...);
      if (!grow()) {
        // The caller keeps a value that it gave by move.
        if constexpr (sizeof...(Arguments) == 1 && (std::is_same_v<Arguments, T> && ...) &&
                      std::is_nothrow_move_assignable_v<T>) {
          ((arguments = std::move(made)), ...);
        }
        return false;
      }
      std::construct_at(data_ + size_, std::move(made));
    } else {
      std::construct_at(data_ + size_, std::forward<Arguments>(arguments)...);
    }
    ++size_;
    return true;
  }

  /// Changes the number of elements; new ones are value-initialised.
  [[nodiscard]] bool try_resize(std::size_t count) noexcept {
    if (count > capacity_ && !reallocate(count)) return false;
    while (size_ < count) std::construct_at(data_ + size_++);
    truncate(count);
    return true;
  }

  /// Appends copies of all `values`, which must not lie in this vector.
  [[nodiscard]] bool try_append(std::span<const T> values) noexcept
    requires std::is_nothrow_copy_constructible_v<T>
  {
    if (values.size() > std::numeric_limits<std::size_t>::max() - size_) return false;
    const std::size_t wanted = size_ + values.size();
    if (wanted > capacity_ && !reallocate(std::max(wanted, next_capacity()))) return false;
    for (const T& value : values) std::construct_at(data_ + size_++, value);
    return true;
  }

  /// Removes the last element.
  void pop_back() {
    QUOLL_ASSERT(size_ != 0);
    std::destroy_at(data_ + --size_);
  }

  /// Removes elements until at most `count` are left.
  void truncate(std::size_t count) noexcept {
    while (size_ > count) std::destroy_at(data_ + --size_);
  }

  void clear() noexcept { truncate(0); }

  /// Gives unused room back where memory allows it.
  void shrink_to_fit() noexcept {
    if (size_ == 0) {
      release();
    } else if (size_ < capacity_) {
      (void)reallocate(size_);
    }
  }

 private:
  static constexpr std::size_t kFirstCapacity = 4;
  static constexpr std::size_t kMaxCapacity =
      static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T);

  std::size_t next_capacity() const noexcept {
    if (capacity_ > kMaxCapacity / 2) return kMaxCapacity;
    return std::max(kFirstCapacity, capacity_ + capacity_ / 2);
  }
  bool grow() noexcept { return capacity_ < kMaxCapacity && reallocate(next_capacity()); }

  bool reallocate(std::size_t capacity) noexcept {
    if (capacity > kMaxCapacity) return false;
    void* raw;
    if constexpr (alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
      raw = ::operator new(capacity * sizeof(T), std::align_val_t{alignof(T)}, std::nothrow);
    } else {
      raw = ::operator new(capacity * sizeof(T), std::nothrow);
    }
    if (raw == nullptr) return false;
    T* fresh = static_cast<T*>(raw);
    for (std::size_t i = 0; i < size_; ++i) {
      std::construct_at(fresh + i, std::move(data_[i]));
      std::destroy_at(data_ + i);
    }
    free(data_);
    data_ = fresh;
    capacity_ = capacity;
    return true;
  }
  static void free(T* data) noexcept {
    if constexpr (alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
      ::operator delete(data, std::align_val_t{alignof(T)});
    } else {
      ::operator delete(data);
    }
  }
  void release() noexcept {
    clear();
    free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace quoll::containers
