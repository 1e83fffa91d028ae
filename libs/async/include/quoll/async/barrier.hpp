// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Barrier: a number of tasks that wait for each other, round after round.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// What a task is in the round of a barrier that has just ended.
enum class BarrierRole : std::uint8_t {
  kFollower,
  kLeader,  ///< one in each round: the task that came last
};

/// Ends a round when `parties` tasks have come, and begins the next one.
///
/// A task whose wait is cancelled takes its arrival back: it is as if it had not come, the round
/// goes on, and somebody has to come in its place. Whoever is cancelled when the round has ended
/// already was part of it.
class Barrier {
 public:
  class Arriving : public detail::WaitBase<Arriving> {
   public:
    Arriving(Barrier& barrier, CancelToken token) noexcept
        : WaitBase(barrier.lock_, barrier.waiters_, token), barrier_(barrier) {}
    base::Result<BarrierRole, WaitError> await_resume() noexcept {
      const auto ended = detail::wait_result(finish());
      if (!ended) return base::err(ended.error());
      return role_;
    }
    WaitState try_now_locked() noexcept {
      if (barrier_.closed_) return WaitState::kClosed;
      if (barrier_.missing_ != 1) return WaitState::kIdle;
      barrier_.missing_ = barrier_.parties_;
      role_ = BarrierRole::kLeader;
      wake_after_unlock(barrier_.waiters_.take_all(WaitState::kWoken));
      return WaitState::kWoken;
    }
    void queued_locked() noexcept { barrier_.missing_ = barrier_.missing_ - 1; }
    Waiter* withdrawn_locked() noexcept {
      barrier_.missing_ = barrier_.missing_ + 1;
      return nullptr;
    }

   private:
    Barrier& barrier_;
    BarrierRole role_ = BarrierRole::kFollower;
  };

  /// *Requires*: at least one party.
  explicit Barrier(std::size_t parties) noexcept : parties_(parties), missing_(parties) {
    QUOLL_ASSERT(parties != 0);
  }
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;
  ~Barrier() { QUOLL_ASSERT(waiters_.empty()); }

  /// `co_await barrier.arrive(token)`: `Result<BarrierRole, WaitError>`; `kClosed` once closed.
  Arriving arrive(CancelToken token = {}) noexcept { return {*this, token}; }
  /// No round ends any more: for a party that cannot come again.
  void close() noexcept {
    detail::end_all(lock_, waiters_, WaitState::kClosed, [this] { closed_ = true; });
  }

 private:
  detail::Lock lock_;
  WaitList waiters_;
  const std::size_t parties_;
  detail::Guarded<std::size_t> missing_;  ///< in this round
  detail::Guarded<bool> closed_ = false;
};

}  // namespace quoll::async
