// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Boot's side of the executor.
#pragma once

#include <quoll/async/timer.hpp>

namespace quoll::exec {

/// Tells how fast the clock ticks. *Context*: boot hart, before any task.
void start(async::Ticks ticks_per_second) noexcept;

/// Makes another hart leave user mode, if it is there. *Context*: task.
void kick(unsigned hart) noexcept;

}  // namespace quoll::exec
