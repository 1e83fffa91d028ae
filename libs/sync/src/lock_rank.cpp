// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/base/assert.hpp>
#include <quoll/sync/lock_rank.hpp>

namespace quoll::sync {

const char* to_string(LockRank rank) noexcept {
  switch (rank) {
    case LockRank::kGuestTable:
      return "guest table";
    case LockRank::kCancel:
      return "cancellation";
    case LockRank::kTimer:
      return "timer";
    case LockRank::kChannel:
      return "channel";
    case LockRank::kDevice:
      return "device";
    case LockRank::kInterruptSource:
      return "interrupt source";
    case LockRank::kTaskList:
      return "task list";
    case LockRank::kExecutor:
      return "executor";
    case LockRank::kAddressSpace:
      return "address space";
    case LockRank::kVmo:
      return "memory object";
    case LockRank::kPageRequest:
      return "page request";
    case LockRank::kKernelWindow:
      return "kernel window";
    case LockRank::kAsid:
      return "address-space ids";
    case LockRank::kHeap:
      return "heap";
    case LockRank::kFrameCache:
      return "frame cache";
    case LockRank::kFrames:
      return "frames";
    case LockRank::kLiveRoots:
      return "live roots";
    case LockRank::kRandom:
      return "random";
    case LockRank::kInterrupt:
      return "interrupt";
    case LockRank::kLog:
      return "log";
  }
  return "unknown";
}

namespace detail {

void rank_violated() noexcept {
  base::assertion_failed("lock rank: taken under a lock that comes later", __FILE__,
                         unsigned{__LINE__});
}
void released_unheld() noexcept {
  base::assertion_failed("lock rank: released and not held", __FILE__, unsigned{__LINE__});
}

}  // namespace detail
}  // namespace quoll::sync
