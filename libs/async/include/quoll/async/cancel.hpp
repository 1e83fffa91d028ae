// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cooperative cancellation: a source, the tokens that observe it, and what waits register.
#pragma once

#include <quoll/async/detail/lock.hpp>
#include <quoll/base/assert.hpp>

namespace quoll::async {

class CancelRegistration;

/// Where a cancellation is asked for. Sticky: once cancelled, it stays so.
///
/// *Requires*: it outlives every token and registration made from it.
class CancelSource {
 public:
  CancelSource() = default;
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;
  ~CancelSource() { QUOLL_ASSERT(first_ == nullptr); }

  /// Ends every wait that carries a token of this source, now and in future.
  /// *Context*: tasks and the executor.
  void cancel() noexcept;

  /// Whether `cancel()` was called.
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }

 private:
  friend class CancelRegistration;
  detail::RankedLock<sync::LockRank::kCancel> lock_;
  detail::Atomic<bool> cancelled_{false};
  detail::Guarded<CancelRegistration*> first_ = nullptr;
};

/// Observes a source. A default-made token is never cancelled.
class CancelToken {
 public:
  constexpr CancelToken() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a source stands for its token
  constexpr CancelToken(CancelSource& source) noexcept : source_(&source) {}
  bool cancelled() const noexcept { return source_ != nullptr && source_->cancelled(); }

 private:
  friend class CancelRegistration;
  CancelSource* source_ = nullptr;
};

/// One callback, linked into a source for as long as a wait lasts. Allocates nothing.
///
/// *Locking*: callbacks run under the source's lock; when `disarm` returns, none is running.
class CancelRegistration {
 public:
  using Callback = void (*)(CancelRegistration&) noexcept;
  CancelRegistration() = default;
  CancelRegistration(const CancelRegistration&) = delete;
  CancelRegistration& operator=(const CancelRegistration&) = delete;
  ~CancelRegistration() { disarm(); }

  /// Links the callback; false when the source is cancelled already (nothing is linked then).
  bool arm(CancelToken token, Callback callback) noexcept {
    // Most waits have none.
    return token.source_ == nullptr || arm_for(token, callback);
  }

  /// As above; runs `publish` under the source's lock once linked, so that the callback cannot
  /// come before what it is to undo. After `publish` the registration may be gone.
  template <typename Publish>
  bool arm(CancelToken token, Callback callback, Publish publish) noexcept {
    CancelSource* const source = token.source_;
    if (source == nullptr) {
      publish();
      return true;
    }
    detail::LockGuard guard(source->lock_);
    if (source->cancelled_.load(std::memory_order_relaxed)) return false;
    callback_ = callback;
    source_ = source;
    linked_ = true;
    previous_ = nullptr;
    next_ = source->first_;
    if (next_ != nullptr) next_->previous_ = this;
    source->first_ = this;
    publish();
    return true;
  }

  /// Unlinks the callback and waits for one that is running on another hart.
  void disarm() noexcept {
    if (source_ != nullptr) disarm_from_source();
  }

 private:
  friend class CancelSource;
  [[gnu::noinline]] bool arm_for(CancelToken token, Callback callback) noexcept {
    return arm(token, callback, [] {});
  }
  [[gnu::noinline]] void disarm_from_source() noexcept {
    detail::LockGuard guard(source_->lock_);
    if (linked_) unlink();
    source_ = nullptr;
  }
  void unlink() noexcept {
    (previous_ != nullptr ? previous_->next_ : source_->first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    linked_ = false;
  }

  CancelSource* source_ = nullptr;
  detail::Guarded<CancelRegistration*> previous_ = nullptr;
  detail::Guarded<CancelRegistration*> next_ = nullptr;
  Callback callback_ = nullptr;
  detail::Guarded<bool> linked_ = false;
};

inline void CancelSource::cancel() noexcept {
  detail::LockGuard guard(lock_);
  cancelled_.store(true, std::memory_order_release);
  while (first_ != nullptr) {
    CancelRegistration& registration = *first_;
    registration.unlink();
    registration.callback_(registration);
  }
}

}  // namespace quoll::async
