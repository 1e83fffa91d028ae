// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The words of libs/async as the explorer sees them: named by QUOLL_ASYNC_WORDS when the models of
// that library are compiled.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "explorer.hpp"

namespace quoll::races {

/// What kinds of words there are, for controls.
enum AsyncKind : unsigned {
  kLockWord,  ///< whether a lock is held
  kFlagWord,  ///< other flags: an event, a cancellation
  kLongWord,  ///< a signal, what a task and its handle share, the ends of a ring, a next deadline
  kOtherWord,
};
template <typename T>
inline constexpr unsigned kKindOf = kOtherWord;
template <>
inline constexpr unsigned kKindOf<bool> = kFlagWord;
template <>
inline constexpr unsigned kKindOf<std::uintptr_t> = kLongWord;

/// A word of a lock or of a wake. Its end is a store too: who looks at it with nothing in between
/// has a race with whoever frees it.
template <typename T>
class GuardedWord {
 public:
  GuardedWord() : GuardedWord(T{}) {}
  GuardedWord(T value) : word_(stored(value)) {}  // NOLINT(google-explicit-constructor): as a T
  GuardedWord(const GuardedWord&) = delete;
  ~GuardedWord() { *this = T{}; }

  operator T() const {  // NOLINT(google-explicit-constructor): as a T
    return static_cast<T>(word_(info_of(Where::current())).load());
  }
  T operator->() const
    requires std::is_pointer_v<T>
  {
    return *this;
  }
  GuardedWord& operator=(T value) {  // NOLINT(misc-unconventional-assign-operator)
    word_(info_of(Where::current())).store(stored(value));
    return *this;
  }
  GuardedWord& operator=(const GuardedWord& other) {
    *this = static_cast<T>(other);
    return *this;
  }

 private:
  // The explorer shows words to people, and knows no enumerations.
  using Stored = std::conditional_t<std::is_enum_v<T>, unsigned, T>;
  static Stored stored(T value) { return static_cast<Stored>(value); }

  rl::var<Stored> word_;
};

}  // namespace quoll::races

namespace quoll::async::detail {

template <typename T>
using Atomic = races::Atomic<T, races::kKindOf<T>>;
/// The word of a lock: controls tell it from other flags.
using LockWord = races::Atomic<std::uint32_t, races::kLockWord>;
template <typename T>
using Guarded = races::GuardedWord<T>;

inline void fence_all(races::Where where = races::Where::current()) {
  if (races::is_weakened(races::kOtherWord, races::Weakening::kFence)) return;
  rl::atomic_thread_fence(rl::mo_seq_cst, races::info_of(where));
}

inline void pause() {
  races::relax();
}

}  // namespace quoll::async::detail
