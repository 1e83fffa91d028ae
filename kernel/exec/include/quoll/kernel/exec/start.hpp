// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Boot's side of the executor.
#pragma once

#include <quoll/async/timer.hpp>

namespace quoll::exec {

/// Makes the executor, with queues for each of the machine's harts, and tells it how fast the clock
/// ticks; false when there is no memory. *Context*: boot hart, before any task, with a heap.
[[nodiscard]] bool start(async::Ticks ticks_per_second) noexcept;

/// From here on this hart may read what is reclaimed by quiescent states. *Context*: each hart
/// once, with interrupts off, before it serves.
void start_hart() noexcept;

/// Makes another hart leave user mode, if it is there. *Context*: task.
void kick(unsigned hart) noexcept;

}  // namespace quoll::exec
