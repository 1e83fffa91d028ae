// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The task behind a guest: user mode, what it came back for, user mode again.
#pragma once

#include <quoll/async/task.hpp>
#include <quoll/kernel/guest/guest.hpp>

namespace quoll::guest {

/// Runs the guest until it ends, reports its end, and gives back all that it had. A panic in one of
/// its system calls ends the guest and no more. Not `valid()` when there is no memory for it.
async::Task<void> run_thread(GuestRef guest);

}  // namespace quoll::guest
