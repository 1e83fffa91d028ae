// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// When a hart was last seen at its scheduler. The hart itself notes it; any other looks.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace quoll::watchdog {

/// One hart, in ticks of a clock that all harts share.
class HartWatch {
 public:
  using Ticks = std::uint64_t;

  /// Begins anew: the hart was at its scheduler just now. *Context*: the hart.
  void start(Ticks now) noexcept {
    reported_.store(false, std::memory_order_relaxed);
    reached_.store(now == 0 ? 1 : now, std::memory_order_release);
  }

  /// The hart is at its scheduler, or was since it noted the last time. What comes back is how long
  /// it had not been, if that was reported. *Context*: the hart.
  std::optional<Ticks> reached(Ticks now) noexcept {
    const Ticks before = reached_.exchange(now == 0 ? 1 : now, std::memory_order_acq_rel);
    if (!reported_.load(std::memory_order_relaxed)) return std::nullopt;
    reported_.store(false, std::memory_order_release);
    return now - before;
  }
  /// The same of a number that changes whenever the hart is at its scheduler.
  std::optional<Ticks> progress(std::uint64_t count, Ticks now) noexcept {
    if (count == last_count_) return std::nullopt;
    last_count_ = count;
    return reached(now);
  }

  /// For how long it has not been there, if that is at least `limit` and nobody has been told yet:
  /// then the caller is the one to report it. *Context*: any hart.
  std::optional<Ticks> claim(Ticks now, Ticks limit) noexcept {
    const Ticks last = reached_.load(std::memory_order_acquire);
    // A hart that was never started is not expected; one may be a tick ahead of us.
    if (last == 0 || now <= last || now - last < limit) return std::nullopt;
    if (reported_.exchange(true, std::memory_order_acq_rel)) return std::nullopt;
    return now - last;
  }

 private:
  std::atomic<Ticks> reached_{0};
  std::atomic<bool> reported_{false};
  std::uint64_t last_count_ = 0;  // the hart's own
};

}  // namespace quoll::watchdog
