// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The FIFO of waiters under every primitive. A waiter lives in the awaiter, so waiting
// allocates nothing.
#pragma once

#include <cstdint>

#include <quoll/async/detail/words.hpp>

namespace quoll::async {

class TaskHeader;

/// How a wait stands, and how it ended.
enum class WaitState : std::uint8_t {
  kIdle,       ///< not queued yet
  kQueued,     ///< in a list
  kWoken,      ///< ended: what was waited for came true
  kCancelled,  ///< ended by its token
  kClosed,     ///< ended because the other side went away
};

/// One waiting task. Every field belongs to the lock of the list.
struct Waiter {
  detail::Guarded<Waiter*> previous = nullptr;
  detail::Guarded<Waiter*> next = nullptr;
  detail::Guarded<TaskHeader*> task = nullptr;
  detail::Guarded<WaitState> state = WaitState::kIdle;
};

/// First in, first out. *Locking*: the caller's.
class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  Waiter* front() const noexcept { return first_; }

  void push_back(Waiter& waiter) noexcept {
    waiter.state = WaitState::kQueued;
    waiter.next = nullptr;
    waiter.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &waiter;
    last_ = &waiter;
  }
  void remove(Waiter& waiter) noexcept {
    (waiter.previous != nullptr ? waiter.previous->next : first_) = waiter.next;
    (waiter.next != nullptr ? waiter.next->previous : last_) = waiter.previous;
    waiter.next = waiter.previous = nullptr;
  }
  /// Takes the first waiter out and marks it; null when there is none.
  Waiter* pop_front(WaitState outcome) noexcept {
    Waiter* const waiter = first_;
    if (waiter == nullptr) return nullptr;
    remove(*waiter);
    waiter->state = outcome;
    return waiter;
  }
  /// Takes all waiters out, marked, as a chain through `next`.
  Waiter* take_all(WaitState outcome) noexcept {
    Waiter* const all = first_;
    for (Waiter* waiter = all; waiter != nullptr; waiter = waiter->next) waiter->state = outcome;
    first_ = last_ = nullptr;
    return all;
  }

 private:
  detail::Guarded<Waiter*> first_ = nullptr;
  detail::Guarded<Waiter*> last_ = nullptr;
};

/// Waiters that were taken out one by one, in their order: to be woken once the lock is free.
class WaiterChain {
 public:
  /// *Requires*: the waiter is in no list.
  void add(Waiter& waiter) noexcept {
    if (last_ != nullptr) {
      last_->next = &waiter;
    } else {
      first_ = &waiter;
    }
    last_ = &waiter;
  }
  Waiter* first() const noexcept { return first_; }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace quoll::async
