// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/mem/vmo/page_request.hpp>

namespace quoll::vm {

bool PageRequest::wait(PageWaiter& waiter) {
  sync::LockGuard guard(lock_);
  if (state_.load(std::memory_order_relaxed) != PageRequestState::kPending) return false;
  waiters_.push_back(waiter);
  return true;
}

bool PageRequest::withdraw(PageWaiter& waiter) {
  sync::LockGuard guard(lock_);
  if (!waiter.is_linked()) return false;
  waiters_.erase(waiter);
  return true;
}

/// *Requires*: the caller owns a reference.
void PageRequest::complete(PageRequestState state) {
  for (;;) {
    PageWaiter* waiter = nullptr;
    {
      sync::LockGuard guard(lock_);
      state_.store(state, std::memory_order_release);
      waiter = waiters_.pop_front();
    }
    if (waiter == nullptr) return;
    waiter->complete(*waiter);
  }
}

}  // namespace quoll::vm
