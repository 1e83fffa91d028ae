// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Read-mostly data of the kernel: read without locks by tasks and interrupt handlers, replaced by
// tasks, reclaimed when no hart reads the old version any more (quoll/sync/quiescence.hpp).
//
// A hart is in a quiescent state between two tasks, before it enters user mode by `enter_user`, and
// while it sleeps. So what was read is good within one stretch of a task, up to the next
// `co_await` or `enter_user`, and within one interrupt handler or quick system call. A hart that
// runs a guest comes by when the guest's slice is over, at the latest.
#pragma once

#include <quoll/async/grace_period.hpp>
#include <quoll/sync/quiescence.hpp>

namespace quoll::exec {

/// The harts of this machine. *Requires* of who retires: it is a task.
sync::Quiescence& quiescence() noexcept;

/// `co_await exec::grace_period()`: what nobody could reach any more before is not read by anybody
/// from here on. Cannot be cancelled; it ends when each hart has gone from one task to the next.
inline async::GracePeriod grace_period() noexcept {
  return async::GracePeriod(quiescence());
}

}  // namespace quoll::exec
