// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Semaphore for tasks: permits, given out in the order of the requests.
#pragma once

#include <cstddef>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// A number of permits. A large request is not overtaken by small ones; one that gives up lets
/// those behind it go on. One for more permits than there ever are waits until it is cancelled or
/// the semaphore is closed.
class Semaphore {
 public:
  /// Permits that are held; they go back when it goes.
  class [[nodiscard]] Permits {
   public:
    Permits(Permits&& other) noexcept
        : semaphore_(other.semaphore_), count_(std::exchange(other.count_, 0)) {}
    Permits& operator=(Permits&&) = delete;
    ~Permits() {
      if (count_ != 0) semaphore_->add(count_);
    }
    std::size_t count() const noexcept { return count_; }
    /// They do not go back: there are so many less.
    void forget() noexcept { count_ = 0; }

   private:
    friend class Semaphore;
    Permits(Semaphore& semaphore, std::size_t count) noexcept
        : semaphore_(&semaphore), count_(count) {}
    Semaphore* semaphore_;
    std::size_t count_;
  };

  class Acquiring : public detail::WaitBase<Acquiring> {
   public:
    Acquiring(Semaphore& semaphore, std::size_t count, CancelToken token) noexcept
        : WaitBase(semaphore.lock_, semaphore.waiters_, token),
          semaphore_(semaphore),
          count_(count) {}
    base::Result<Permits, WaitError> await_resume() noexcept {
      const auto ended = detail::wait_result(finish());
      if (!ended) return base::err(ended.error());
      return Permits(semaphore_, count_);
    }
    WaitState try_now_locked() noexcept {
      if (semaphore_.closed_) return WaitState::kClosed;
      return semaphore_.waiters_.empty() && semaphore_.admit_locked(count_) ? WaitState::kWoken
                                                                            : WaitState::kIdle;
    }
    Waiter* withdrawn_locked() noexcept { return semaphore_.admit_waiters_locked(); }

   private:
    friend class Semaphore;
    static Acquiring& of(Waiter& waiter) noexcept { return static_cast<Acquiring&>(waiter); }
    Semaphore& semaphore_;
    const std::size_t count_;
  };

  explicit Semaphore(std::size_t permits) noexcept : permits_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() { QUOLL_ASSERT(waiters_.empty()); }

  /// `co_await semaphore.acquire(count, token)`: `Result<Semaphore::Permits, WaitError>`;
  /// `kClosed` once closed.
  Acquiring acquire(std::size_t count = 1, CancelToken token = {}) noexcept {
    return {*this, count, token};
  }
  /// So many more.
  void add(std::size_t count) noexcept {
    detail::LockGuard guard(lock_);
    permits_ = permits_ + count;
    QUOLL_ASSERT(permits_ >= count);
    Waiter* const admitted = admit_waiters_locked();
    guard.unlock();
    detail::wake_taken(admitted);
  }
  /// Nobody gets a permit any more. Those that are held go back as ever.
  void close() noexcept {
    detail::end_all(lock_, waiters_, WaitState::kClosed, [this] { closed_ = true; });
  }
  /// How many nobody holds: others may take them meanwhile.
  std::size_t available() noexcept {
    const detail::LockGuard guard(lock_);
    return permits_;
  }

 private:
  bool admit_locked(std::size_t count) noexcept {
    if (permits_ < count) return false;
    permits_ = permits_ - count;
    return true;
  }
  /// All at the front for whom there is enough now.
  Waiter* admit_waiters_locked() noexcept {
    WaiterChain admitted;
    while (!waiters_.empty() && admit_locked(Acquiring::of(*waiters_.front()).count_)) {
      admitted.add(*waiters_.pop_front(WaitState::kWoken));
    }
    return admitted.first();
  }

  detail::Lock lock_;
  WaitList waiters_;
  detail::Guarded<std::size_t> permits_;
  detail::Guarded<bool> closed_ = false;
};

}  // namespace quoll::async
