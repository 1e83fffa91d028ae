// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The pairing heap under TimerQueue.
#include <quoll/async/timer.hpp>

namespace quoll::async {

Timer* TimerQueue::meld(Timer* a, Timer* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (b->deadline < a->deadline) {
    Timer* const swapped = a;
    a = b;
    b = swapped;
  }
  // `b` becomes the first child of `a`.
  b->before = a;
  b->sibling = a->child;
  if (b->sibling != nullptr) b->sibling->before = b;
  a->child = b;
  a->sibling = nullptr;
  a->before = nullptr;
  return a;
}

Timer* TimerQueue::merge_children(Timer* first) noexcept {
  // Left to right in pairs, the pairs chained; then the chain right to left.
  Timer* pairs = nullptr;
  while (first != nullptr) {
    Timer* const a = first;
    Timer* const b = a->sibling;
    first = b != nullptr ? b->sibling : nullptr;
    a->sibling = a->before = nullptr;
    if (b != nullptr) b->sibling = b->before = nullptr;
    Timer* const pair = meld(a, b);
    pair->sibling = pairs;
    pairs = pair;
  }
  Timer* merged = nullptr;
  while (pairs != nullptr) {
    Timer* const next = pairs->sibling;
    pairs->sibling = nullptr;
    merged = meld(merged, pairs);
    pairs = next;
  }
  return merged;
}

void TimerQueue::root_changed() noexcept {
  next_.store(root_ != nullptr ? root_->deadline : kNever, std::memory_order_release);
}

void TimerQueue::insert_locked(Timer& timer) noexcept {
  timer.child = timer.sibling = timer.before = nullptr;
  timer.queued = true;
  root_ = meld(root_, &timer);
  root_changed();
}

void TimerQueue::remove_locked(Timer& timer) noexcept {
  if (&timer == root_) {
    root_ = merge_children(timer.child);
  } else {
    (timer.before->child == &timer ? timer.before->child : timer.before->sibling) = timer.sibling;
    if (timer.sibling != nullptr) timer.sibling->before = timer.before;
    root_ = meld(root_, merge_children(timer.child));
  }
  timer.child = timer.sibling = timer.before = nullptr;
  timer.queued = false;
  root_changed();
}

void TimerQueue::expire(Ticks now) noexcept {
  detail::LockGuard guard(lock_);
  while (root_ != nullptr && root_->deadline <= now) {
    Timer& due = *root_;
    remove_locked(due);
    due.fire(due);
  }
}

}  // namespace quoll::async
