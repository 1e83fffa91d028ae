// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Who holds a spin lock, and waits that are watched: what a lock can say when it is not let go.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/sync/lock_rank.hpp>

namespace quoll::sync {

/// Which hart took a lock last, and where in the code. Beside the lock word rather than in it, so
/// that taking a lock stays one atomic instruction: for a few instructions after it the one before
/// is named.
class LockOwner {
 public:
  constexpr LockOwner() = default;
  LockOwner(const LockOwner&) = delete;
  LockOwner& operator=(const LockOwner&) = delete;

  /// This hart, and the code into which this is inlined. Three instructions.
  [[gnu::always_inline]] void note() noexcept {
#if defined(__riscv)
    std::uintptr_t here = 0;
    // Volatile: neither may be kept across a coroutine's suspension.
    asm volatile(
        "auipc %0, 0\n\t"
        "sd %0, %1\n\t"
        "sd tp, %2"
        : "=&r"(here), "=m"(taken_at_), "=m"(hart_));
#else
    taken_at_.store(current_code(), std::memory_order_relaxed);
    hart_.store(this_hart(), std::memory_order_relaxed);
#endif
  }
  /// The thread pointer of the hart.
  std::uintptr_t hart() const noexcept { return hart_.load(std::memory_order_relaxed); }
  std::uintptr_t taken_at() const noexcept { return taken_at_.load(std::memory_order_relaxed); }

  static std::uintptr_t this_hart() noexcept;

 private:
#if !defined(__riscv)
  [[gnu::always_inline]] static std::uintptr_t current_code() noexcept {
    // SAFETY: an address as a number.
    return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  }
#endif
  std::atomic<std::uintptr_t> taken_at_{0};
  std::atomic<std::uintptr_t> hart_{0};
};

/// One wait of a hart for a spin lock that another holds.
class LockWait {
 public:
  /// Does not return if it would be for ever: if this hart holds the lock.
  LockWait(LockRank rank, const LockOwner& owner, const void* asked_at) noexcept;
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;
  /// The lock is had.
  ~LockWait();

  /// Counts one look at the lock.
  void round() noexcept {
    if (++rounds_ % kRoundsPerCall == 0) call();
  }

  LockRank rank() const noexcept { return rank_; }
  const LockOwner& owner() const noexcept { return owner_; }
  /// Where the code wants the lock.
  std::uintptr_t asked_at() const noexcept { return asked_at_; }

  std::uint64_t since = 0;  ///< the watch's: when it was called first
  bool reported = false;    ///< the watch's: whether it has said anything

 private:
  static constexpr std::uint32_t kRoundsPerCall = 1024;
  void call() noexcept;

  const LockOwner& owner_;
  std::uintptr_t asked_at_;
  std::uint32_t rounds_ = 0;
  LockRank rank_;
};

/// What a program wants to be told of waits for locks. *Context* of each: that of the code which
/// waits, under whatever locks it holds.
struct LockWatch {
  /// Called every so often while a hart waits.
  void (*waiting)(LockWait& wait) noexcept = nullptr;
  /// One that was `reported` is over.
  void (*over)(const LockWait& wait) noexcept = nullptr;
  /// The hart waits for itself. Must not return.
  void (*taken_twice)(const LockWait& wait) noexcept = nullptr;
};

/// *Requires*: lives for ever, and is complete.
void set_lock_watch(const LockWatch& watch) noexcept;

}  // namespace quoll::sync
