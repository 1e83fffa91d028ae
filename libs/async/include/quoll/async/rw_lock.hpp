// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RwLock for tasks: many readers or one writer, in the order in which they came.
#pragma once

#include <cstdint>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// Many readers or one writer among tasks. Neither starves: who comes after a waiting task waits
/// behind it. A writer that gives up lets the readers behind it go on.
class RwLock {
  class Request;

 public:
  /// Proof of holding; unlocks when it goes.
  template <bool kWrites>
  class [[nodiscard]] Guard {
   public:
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (lock_ != nullptr) lock_->unlock(kWrites);
    }

   private:
    friend class RwLock;
    explicit Guard(RwLock& lock) noexcept : lock_(&lock) {}
    RwLock* lock_;
  };
  using ReadGuard = Guard<false>;
  using WriteGuard = Guard<true>;

  template <bool kWrites>
  class Locking;

  RwLock() = default;
  RwLock(const RwLock&) = delete;
  RwLock& operator=(const RwLock&) = delete;
  ~RwLock() { QUOLL_ASSERT(waiters_.empty()); }

  /// `co_await lock.read(token)`: `Result<RwLock::ReadGuard, WaitError>`.
  Locking<false> read(CancelToken token = {}) noexcept;
  /// `co_await lock.write(token)`: `Result<RwLock::WriteGuard, WaitError>`.
  Locking<true> write(CancelToken token = {}) noexcept;

 private:
  bool admit_locked(bool writes) noexcept {
    if (written_ || (writes && readers_ != 0)) return false;
    if (writes) {
      written_ = true;
    } else {
      readers_ = readers_ + 1;
    }
    return true;
  }
  /// All at the front who can go on now.
  Waiter* admit_waiters_locked() noexcept;
  void unlock(bool writes) noexcept {
    detail::LockGuard guard(lock_);
    if (writes) {
      written_ = false;
    } else {
      readers_ = readers_ - 1;
    }
    Waiter* const admitted = admit_waiters_locked();
    guard.unlock();
    detail::wake_taken(admitted);
  }

  detail::Lock lock_;
  WaitList waiters_;
  detail::Guarded<std::uint32_t> readers_ = 0;
  detail::Guarded<bool> written_ = false;
};

/// A reader or writer that waits.
class RwLock::Request : public detail::WaitBase<Request> {
 public:
  WaitState try_now_locked() noexcept {
    return target_.waiters_.empty() && target_.admit_locked(writes_) ? WaitState::kWoken
                                                                     : WaitState::kIdle;
  }
  Waiter* withdrawn_locked() noexcept { return target_.admit_waiters_locked(); }

 protected:
  Request(RwLock& lock, bool writes, CancelToken token) noexcept
      : WaitBase(lock.lock_, lock.waiters_, token), target_(lock), writes_(writes) {}
  RwLock& target() noexcept { return target_; }

 private:
  friend class RwLock;
  static Request& of(Waiter& waiter) noexcept { return static_cast<Request&>(waiter); }
  RwLock& target_;
  const bool writes_;
};

template <bool kWrites>
class RwLock::Locking : public Request {
 public:
  Locking(RwLock& lock, CancelToken token) noexcept : Request(lock, kWrites, token) {}
  base::Result<Guard<kWrites>, WaitError> await_resume() noexcept {
    if (finish() == WaitState::kWoken) return Guard<kWrites>(target());
    return base::err(WaitError::kCancelled);
  }
};

inline RwLock::Locking<false> RwLock::read(CancelToken token) noexcept {
  return {*this, token};
}
inline RwLock::Locking<true> RwLock::write(CancelToken token) noexcept {
  return {*this, token};
}

inline Waiter* RwLock::admit_waiters_locked() noexcept {
  WaiterChain admitted;
  while (!waiters_.empty() && admit_locked(Request::of(*waiters_.front()).writes_)) {
    admitted.add(*waiters_.pop_front(WaitState::kWoken));
  }
  return admitted.first();
}

}  // namespace quoll::async
