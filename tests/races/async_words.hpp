// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The words of libs/async as the explorer sees them: named by QUOLL_ASYNC_WORDS when the models of
// that library are compiled.
#pragma once

#include <algorithm>
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

namespace quoll::async {

struct Waiter;

}  // namespace quoll::async

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

/// The locks that each thread holds, and under which of them it changed a list of waiters: these
/// are free before anybody is woken. (Locks of sources and of wheels need not be.)
class HeldLocks {
 public:
  static void clear() { threads_ = {}; }
  static void add(const void* lock) {
    Thread& thread = threads_[self()];
    // More than any of them has: what is left of schedules that were broken, in models without
    // tasks.
    if (thread.count != thread.locks.size()) thread.locks[thread.count++] = {lock, false};
  }
  static void remove(const void* lock) {
    Thread& thread = threads_[self()];
    const auto end = thread.locks.begin() + thread.count;
    const auto kept =
        std::remove_if(thread.locks.begin(), end, [lock](Held held) { return held.lock == lock; });
    thread.count = static_cast<unsigned>(kept - thread.locks.begin());
  }
  /// The lock that was taken last has that list.
  static void list_changed() {
    Thread& thread = threads_[self()];
    if (thread.count != 0) thread.locks[thread.count - 1].is_of_list = true;
  }
  static bool holds_lock_of_list() {
    const Thread& thread = threads_[self()];
    return std::any_of(thread.locks.begin(), thread.locks.begin() + thread.count,
                       [](Held held) { return held.is_of_list; });
  }

 private:
  struct Held {
    const void* lock;
    bool is_of_list;
  };
  struct Thread {
    std::array<Held, 8> locks;
    unsigned count;
  };
  static inline constinit std::array<Thread, 4> threads_{};
};

/// The word of a lock: controls tell it from other flags.
class LockWord : public Atomic<std::uint32_t, kLockWord> {
 public:
  using Atomic::Atomic;

  std::uint32_t exchange(std::uint32_t value, std::memory_order order,
                         Where where = Where::current()) {
    const std::uint32_t before = Atomic::exchange(value, order, where);
    if (before == 0) HeldLocks::add(this);
    return before;
  }
  void store(std::uint32_t value, std::memory_order order, Where where = Where::current()) {
    // Before it: once the lock is free its memory may be used again.
    HeldLocks::remove(this);
    Atomic::store(value, order, where);
  }
};

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
    if constexpr (std::is_same_v<T, async::Waiter*>) HeldLocks::list_changed();
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
using LockWord = races::LockWord;
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
