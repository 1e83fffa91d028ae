// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The FIFO of waiters under every primitive. A waiter lives in the awaiter, so waiting
// allocates nothing.
#pragma once

#include <cstdint>

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
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  TaskHeader* task = nullptr;
  WaitState state = WaitState::kIdle;
};

/// First in, first out. *Locking*: the caller's.
class WaitList {
 public:
  constexpr WaitList() = default;
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
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace quoll::async
