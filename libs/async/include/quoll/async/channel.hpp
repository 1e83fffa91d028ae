// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Bounded channel and oneshot: values between tasks, without allocation.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// A queue of at most `kCapacity` values. A sender that floods it waits; closing wakes everybody,
/// and receivers first get what was sent.
template <typename T, std::size_t kCapacity>
class Channel {
  static_assert(kCapacity > 0);

 public:
  class Sending : public detail::WaitBase<Sending> {
    using Base = detail::WaitBase<Sending>;

   public:
    Sending(Channel& channel, T value, CancelToken token) noexcept
        : Base(channel.lock_, channel.senders_, token),
          channel_(channel),
          value_(std::move(value)) {}
    base::Result<void, WaitError> await_resume() noexcept {
      return detail::wait_result(this->finish());
    }
    WaitState try_now_locked() noexcept {
      if (channel_.closed_) return WaitState::kClosed;
      if (Waiter* const waiter = channel_.receivers_.pop_front(WaitState::kWoken)) {
        Receiving::of(*waiter).value_ = std::move(value_);
        this->wake_after_unlock(waiter);
        return WaitState::kWoken;
      }
      if (channel_.count_ == kCapacity) return WaitState::kIdle;
      channel_.push_locked(std::move(*value_));
      return WaitState::kWoken;
    }

   private:
    friend class Channel;
    static Sending& of(Waiter& waiter) noexcept { return static_cast<Sending&>(waiter); }
    Channel& channel_;
    std::optional<T> value_;
  };

  class Receiving : public detail::WaitBase<Receiving> {
    using Base = detail::WaitBase<Receiving>;

   public:
    Receiving(Channel& channel, CancelToken token) noexcept
        : Base(channel.lock_, channel.receivers_, token), channel_(channel) {}
    base::Result<T, WaitError> await_resume() noexcept {
      const WaitState outcome = this->finish();
      if (outcome == WaitState::kWoken) return std::move(*value_);
      return base::err(outcome == WaitState::kCancelled ? WaitError::kCancelled
                                                        : WaitError::kClosed);
    }
    WaitState try_now_locked() noexcept {
      if (channel_.count_ != 0) {
        value_ = channel_.pop_locked();
        if (Waiter* const waiter = channel_.senders_.pop_front(WaitState::kWoken)) {
          channel_.push_locked(std::move(*Sending::of(*waiter).value_));
          this->wake_after_unlock(waiter);
        }
        return WaitState::kWoken;
      }
      return channel_.closed_ ? WaitState::kClosed : WaitState::kIdle;
    }

   private:
    friend class Channel;
    friend class Sending;
    static Receiving& of(Waiter& waiter) noexcept { return static_cast<Receiving&>(waiter); }
    Channel& channel_;
    std::optional<T> value_;
  };

  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// `co_await channel.send(value, token)`: `Result<void, WaitError>`.
  Sending send(T value, CancelToken token = {}) noexcept {
    return Sending(*this, std::move(value), token);
  }
  /// `co_await channel.receive(token)`: `Result<T, WaitError>`; `kClosed` once closed and empty.
  Receiving receive(CancelToken token = {}) noexcept { return Receiving(*this, token); }

  /// Ends the channel, from either side.
  void close() noexcept {
    detail::LockGuard guard(lock_);
    closed_ = true;
    Waiter* const senders = senders_.take_all(WaitState::kClosed);
    Waiter* const receivers = receivers_.take_all(WaitState::kClosed);
    guard.unlock();
    detail::wake_taken(senders);
    detail::wake_taken(receivers);
  }

 private:
  void push_locked(T value) noexcept {
    values_[(first_ + count_) % kCapacity].emplace(std::move(value));
    count_ = count_ + 1;
  }
  T pop_locked() noexcept {
    std::optional<T>& slot = values_[first_];
    T value = std::move(*slot);
    slot.reset();
    first_ = (first_ + 1) % kCapacity;
    count_ = count_ - 1;
    return value;
  }

  detail::Lock lock_;
  WaitList senders_;
  WaitList receivers_;
  std::array<std::optional<T>, kCapacity> values_;
  detail::Guarded<std::size_t> first_ = 0;
  detail::Guarded<std::size_t> count_ = 0;
  detail::Guarded<bool> closed_ = false;
};

/// One value from one task to another, once.
template <typename T>
class Oneshot {
 public:
  class Receiving : public detail::WaitBase<Receiving> {
    using Base = detail::WaitBase<Receiving>;

   public:
    Receiving(Oneshot& oneshot, CancelToken token) noexcept
        : Base(oneshot.lock_, oneshot.receivers_, token), oneshot_(oneshot) {}
    base::Result<T, WaitError> await_resume() noexcept {
      const WaitState outcome = this->finish();
      if (outcome == WaitState::kWoken) return std::move(*oneshot_.value_);
      return base::err(outcome == WaitState::kCancelled ? WaitError::kCancelled
                                                        : WaitError::kClosed);
    }
    WaitState try_now_locked() noexcept {
      if (oneshot_.value_.has_value()) return WaitState::kWoken;
      return oneshot_.closed_ ? WaitState::kClosed : WaitState::kIdle;
    }

   private:
    Oneshot& oneshot_;
  };

  /// Delivers the value; false (and the value is dropped) after an earlier send or close.
  bool send(T value) noexcept {
    detail::LockGuard guard(lock_);
    if (closed_ || value_.has_value()) return false;
    value_.emplace(std::move(value));
    Waiter* const all = receivers_.take_all(WaitState::kWoken);
    guard.unlock();
    detail::wake_taken(all);
    return true;
  }
  /// There will be no value.
  void close() noexcept {
    detail::end_all(lock_, receivers_, WaitState::kClosed, [this] { closed_ = true; });
  }
  /// `co_await oneshot.receive(token)`: `Result<T, WaitError>`. *Requires*: one receiver.
  Receiving receive(CancelToken token = {}) noexcept { return Receiving(*this, token); }

 private:
  detail::Lock lock_;
  WaitList receivers_;
  std::optional<T> value_;
  detail::Guarded<bool> closed_ = false;
};

}  // namespace quoll::async
