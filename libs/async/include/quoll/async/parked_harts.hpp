// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which harts sleep, and who may wake them.
//
// Protocol. A hart that finds nothing to do announces itself, looks once more everywhere, and
// sleeps. Whoever leaves work for others and then stops looking itself (it sleeps too, or enters
// user mode) publishes it, and looks for announcements. Between the two steps of either there is a
// sequentially consistent fence, so at least one sees the other: the sleeper the work, or the other
// one the sleeper (C++ [atomics.order] 4).
//
// A hart that goes on looking needs no fence: if it misses an announcement now, it sees it after
// the task that it runs, when it looks again.
//
// Whoever clears a hart's announcement owes it a wake, and nobody else does: so each sleep costs
// one IPI at most. The sleeper clears its own when it is awake. By that it sees what was published
// by whoever had cleared it before (acquire; that one's fence releases): else it might announce
// itself again for want of the work that it was to be woken for, and be taken on for what comes
// next too, while another sleeps on. Who clears it acquires nothing: it reads nothing of the
// sleeper.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <quoll/async/detail/words.hpp>

namespace quoll::async {

/// A set of harts, below 64.
class ParkedHarts {
 public:
  /// What no hart is called.
  static constexpr std::size_t kNone = 64;
  static constexpr std::uint64_t bit(std::size_t hart) noexcept { return std::uint64_t{1} << hart; }

  /// This hart is about to sleep: what was left for others before is seen from here on.
  void announce(std::size_t self) noexcept {
    harts_.fetch_or(bit(self), std::memory_order_relaxed);
    detail::fence_all();
  }
  /// This hart is awake, and sees what was published before `claim_at_last` took it on to wake it.
  /// *Requires*: it announced itself.
  void withdraw(std::size_t self) noexcept {
    harts_.fetch_and(~bit(self), std::memory_order_acquire);
  }
  /// Whether nobody has taken it on to wake this hart.
  bool contains(std::size_t hart) const noexcept {
    return (harts_.load(std::memory_order_relaxed) & bit(hart)) != 0;
  }
  /// Whether there are any; for callers that look again soon.
  bool any() const noexcept { return harts_.load(std::memory_order_relaxed) != 0; }

  /// Takes it on to wake this hart; false when it is not asleep, or somebody else has.
  bool claim(std::size_t hart) noexcept {
    return contains(hart) &&
           (harts_.fetch_and(~bit(hart), std::memory_order_relaxed) & bit(hart)) != 0;
  }
  /// Takes it on to wake one other than this; `kNone` when there is none.
  std::size_t claim_any_but(std::size_t self) noexcept {
    for (;;) {
      const std::uint64_t others = harts_.load(std::memory_order_relaxed) & ~bit(self);
      if (others == 0) return kNone;
      const auto hart = static_cast<std::size_t>(std::countr_zero(others));
      if (claim(hart)) return hart;
    }
  }
  /// As above, for callers that do not look again: what they published is seen by whoever is not
  /// seen here.
  std::size_t claim_at_last(std::size_t self) noexcept {
    detail::fence_all();
    return claim_any_but(self);
  }

 private:
  detail::Atomic<std::uint64_t> harts_{0};
};

}  // namespace quoll::async
