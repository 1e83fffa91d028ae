// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Locks that are taken or kept wrongly: the second half of "Memory and locks" of docs/panic.md.
#include <atomic>
#include <memory>
#include <new>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "failures_support.hpp"

namespace quoll::failures {
namespace {

using Lock = sync::SpinLock<sync::LockRank::kDevice>;
using LowerLock = sync::SpinLock<sync::LockRank::kGuestTable>;

constinit Lock lock;
constinit LowerLock lower_lock;

// The analysis would refuse every one of these when compiling.

QUOLL_NAMED QUOLL_NO_THREAD_SAFETY_ANALYSIS void lock_twice() {
  lock.lock();
  lock.lock();
}
KTEST_DEATH(Failures, LockTakenTwice,
            says("a spin lock (rank device) is taken twice: held by hart …"), names("lock_twice")) {
  lock_twice();
}

QUOLL_NAMED QUOLL_NO_THREAD_SAFETY_ANALYSIS void lock_downwards() {
  lock.lock();
  lower_lock.lock();
  lower_lock.unlock();
  lock.unlock();
}
QUOLL_NAMED QUOLL_NO_THREAD_SAFETY_ANALYSIS void unlock_free() {
  lock.unlock();
}
async::Task<void> give_way() {
  co_await exec::yield_now();
}
async::Task<void> suspend_locked() QUOLL_NO_THREAD_SAFETY_ANALYSIS {
  lock.lock();
  (void)co_await give_way().checked();
  lock.unlock();
}

#ifdef QUOLL_CHECK_LOCK_RANKS
KTEST_DEATH(Failures, LockRankViolated, says("lock rank: …"), names("lock_downwards")) {
  lock_downwards();
}
KTEST_DEATH(Failures, UnlockNotHeld, says("lock rank: …"), names("unlock_free"),
            then("a panic reached a noexcept function")) {
  unlock_free();
}
KTEST_TASK_DEATH(Failures, LockHeldAcrossSuspension, says("…lock…"), names("suspend_locked")) {
  EXPECT_TRUE((co_await suspend_locked().checked()).has_value());
}
#else
// Nothing is checked here, and nothing depends on it: the machine goes on.
KTEST(Failures, LockRankViolated) {
  lock_downwards();
}
KTEST(Failures, UnlockNotHeld) {
  unlock_free();
}
KTEST_TASK(Failures, LockHeldAcrossSuspension) {
  EXPECT_TRUE((co_await suspend_locked().checked()).has_value());
}
#endif

async::Task<void> wait_for_ever(async::WaitQueue& queue, std::atomic<bool>& waits) {
  waits.store(true);
  (void)co_await queue.wait_unless([] { return false; });
}
QUOLL_NAMED void destroy_with_waiters(std::unique_ptr<async::WaitQueue> queue) {
  queue.reset();
}
KTEST_TASK_DEATH(Failures, WaitQueueDestroyedWithWaiters, says("list_.empty()"),
                 names("destroy_with_waiters"), then("a panic reached a noexcept function")) {
  auto queue = std::unique_ptr<async::WaitQueue>(new (std::nothrow) async::WaitQueue);
  CO_ASSERT_TRUE(queue != nullptr);
  std::atomic<bool> waits{false};
  CO_ASSERT_TRUE(exec::spawn(wait_for_ever(*queue, waits), "waiter").has_value());
  while (!waits.load()) co_await exec::yield_now();
  co_await exec::yield_now();
  destroy_with_waiters(std::move(queue));
}

}  // namespace
}  // namespace quoll::failures
