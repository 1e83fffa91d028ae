// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RunTime: for how long something has run, which anybody may ask while it does.
#pragma once

#include <atomic>
#include <cstdint>

namespace quoll::guest {

/// A clock that is started and stopped. It is one word, so that who reads it needs no lock, and
/// sees it go forward only: while it stands it holds the sum; while it goes, when it would have
/// been started to have gone without a stop.
///
/// Times are ticks of the machine's clock, the same on all harts, below 2^63.
class RunTime {
 public:
  /// *Requires*: it stands. *Context*: who runs, as for `stop`; one after the other.
  void start(std::uint64_t now) noexcept {
    const std::uint64_t sum = word_.load(std::memory_order_relaxed);
    word_.store(kGoes | (now - sum), std::memory_order_release);
  }
  /// *Requires*: it goes.
  void stop(std::uint64_t now) noexcept {
    const std::uint64_t since = word_.load(std::memory_order_relaxed) & ~kGoes;
    word_.store(now - since, std::memory_order_release);
  }

  /// What it shows. `clock()` is asked after the word, so that it is not behind its start.
  /// *Context*: any.
  template <typename Clock>
  std::uint64_t read(Clock&& clock) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_acquire);
    return (word & kGoes) == 0 ? word : clock() - (word & ~kGoes);
  }

 private:
  static constexpr std::uint64_t kGoes = std::uint64_t{1} << 63;

  std::atomic<std::uint64_t> word_{0};
};

}  // namespace quoll::guest
