// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Broadcast: every receiver sees every value, or is told how many it has missed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// Why a receiver of a broadcast got no value.
struct BroadcastError {
  enum class Reason : std::uint8_t {
    kCancelled,  ///< its token was cancelled
    kClosed,     ///< it has seen all, and there will be no more
    kLagged,     ///< it was too slow for `lagged` values; the next one it gets is the oldest left
  };
  Reason reason;
  std::uint64_t lagged = 0;
  bool operator==(const BroadcastError&) const = default;
};

/// The last `kCapacity` values for any number of receivers. Sending never waits: a receiver that
/// is too slow loses the oldest values. It copies them under its lock, so they are to be small.
template <typename T, std::size_t kCapacity>
class Broadcast {
  static_assert(kCapacity > 0);
  static_assert(std::is_nothrow_copy_constructible_v<T>);

 public:
  /// One that sees all values which are sent after it was made.
  /// *Requires*: the broadcast outlives it; one wait at a time.
  class Receiver {
   public:
    class Receiving : public detail::WaitBase<Receiving> {
      using Base = detail::WaitBase<Receiving>;

     public:
      Receiving(Receiver& receiver, CancelToken token) noexcept
          : Base(receiver.broadcast_->lock_, receiver.broadcast_->waiters_, token),
            receiver_(receiver) {}
      base::Result<T, BroadcastError> await_resume() noexcept {
        using enum BroadcastError::Reason;
        const WaitState ended = this->finish();
        if (ended == WaitState::kCancelled) return base::err(BroadcastError{kCancelled});
        if (ended == WaitState::kClosed) return base::err(BroadcastError{kClosed});
        return receiver_.take();
      }
      WaitState try_now_locked() noexcept {
        if (receiver_.next_ != receiver_.broadcast_->sent_) return WaitState::kWoken;
        return receiver_.broadcast_->closed_ ? WaitState::kClosed : WaitState::kIdle;
      }

     private:
      Receiver& receiver_;
    };

    /// `co_await receiver.receive(token)`: `Result<T, BroadcastError>`. A wait that is cancelled
    /// misses nothing.
    Receiving receive(CancelToken token = {}) noexcept { return {*this, token}; }

   private:
    friend class Broadcast;
    Receiver(Broadcast& broadcast, std::uint64_t next) noexcept
        : broadcast_(&broadcast), next_(next) {}

    /// *Requires*: something was sent that this has not seen.
    base::Result<T, BroadcastError> take() noexcept {
      const detail::LockGuard guard(broadcast_->lock_);
      const std::uint64_t sent = broadcast_->sent_;
      if (sent - next_ > kCapacity) {
        const std::uint64_t lagged = sent - next_ - kCapacity;
        next_ += lagged;
        return base::err(BroadcastError{BroadcastError::Reason::kLagged, lagged});
      }
      return *broadcast_->values_[next_++ % kCapacity];
    }

    Broadcast* broadcast_;
    std::uint64_t next_;
  };

  Broadcast() = default;
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;
  ~Broadcast() { QUOLL_ASSERT(waiters_.empty()); }

  Receiver subscribe() noexcept {
    const detail::LockGuard guard(lock_);
    return Receiver(*this, sent_);
  }
  /// Sends without waiting; that nobody receives it is no error. *Errors*: `kClosed`.
  base::Result<void, WaitError> send(T value) noexcept {
    detail::LockGuard guard(lock_);
    if (closed_) return base::err(WaitError::kClosed);
    values_[sent_ % kCapacity].emplace(std::move(value));
    sent_ = sent_ + 1;
    Waiter* const all = waiters_.take_all(WaitState::kWoken);
    guard.unlock();
    detail::wake_taken(all);
    return {};
  }
  /// No more values: receivers get those that they have not seen yet.
  void close() noexcept {
    detail::end_all(lock_, waiters_, WaitState::kClosed, [this] { closed_ = true; });
  }

 private:
  detail::Lock lock_;
  WaitList waiters_;
  std::array<std::optional<T>, kCapacity> values_;
  detail::Guarded<std::uint64_t> sent_ = 0;
  detail::Guarded<bool> closed_ = false;
};

}  // namespace quoll::async
