// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/base/assert.hpp>
#include <quoll/sync/lock_watch.hpp>

namespace quoll::sync {
namespace {

constinit std::atomic<const LockWatch*> installed{nullptr};

const LockWatch* watch() noexcept {
  return installed.load(std::memory_order_acquire);
}

}  // namespace

void set_lock_watch(const LockWatch& watch) noexcept {
  installed.store(&watch, std::memory_order_release);
}

std::uintptr_t LockOwner::this_hart() noexcept {
  // SAFETY: an address as a number.
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
}

// The rank says that this hart holds a lock of this kind, the owner that it is this one. For the
// few instructions in which the owner is out of date the hart would have to hold another lock of
// the rank, which is as wrong.
LockWait::LockWait(LockRank rank, const LockOwner& owner, const void* asked_at) noexcept
    : owner_(owner),
      // SAFETY: an address as a number.
      asked_at_(reinterpret_cast<std::uintptr_t>(asked_at)),
      rank_(rank) {
  if (!locks_held().contains(rank) || owner.hart() != LockOwner::this_hart()) return;
  if (const LockWatch* const w = watch()) w->taken_twice(*this);
  base::assertion_failed("spin lock: taken twice by the hart that holds it", __FILE__,
                         unsigned{__LINE__});
}

LockWait::~LockWait() {
  if (!reported) return;
  if (const LockWatch* const w = watch()) w->over(*this);
}

void LockWait::call() noexcept {
  if (const LockWatch* const w = watch()) w->waiting(*this);
}

}  // namespace quoll::sync
