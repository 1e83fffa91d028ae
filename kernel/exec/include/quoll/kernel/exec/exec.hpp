// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's executor: tasks on every hart, time, and guest threads in slices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/user_context.hpp>
#include <quoll/async/cancel.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/async/executor.hpp>
#include <quoll/async/join.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/async/task.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/exec/machine.hpp>

namespace quoll::exec {

using async::sleep_until;
using async::Ticks;
using async::yield_now;

using KernelExecutor = async::Executor<Machine>;

/// The one executor. *Requires*: `exec::start` was called.
KernelExecutor& executor() noexcept;

/// The task that runs on this hart; null where none does, or before there is an executor.
/// *Context*: any.
async::TaskHeader* current_task() noexcept;

/// The monotonic clock, one for all harts.
Ticks now() noexcept;
/// How fast it ticks.
Ticks ticks_per_second() noexcept;
Ticks ticks_from_nanoseconds(std::uint64_t nanoseconds) noexcept;
std::uint64_t nanoseconds_from_ticks(Ticks ticks) noexcept;

/// Starts a task on this hart; others may take it.
template <typename T>
base::Result<async::JoinHandle<T>, async::SpawnError> spawn(async::Task<T> task,
                                                            const char* name = "") {
  return executor().spawn(std::move(task), name);
}

/// Runs a guest thread until it needs the kernel. Interrupts are handled inside and reported as
/// `kInterrupt`, so that the caller can ask `should_yield`. Once `stop` is cancelled, user mode is
/// not entered any more.
///
///     for (;;) {
///       space.activate();
///       const arch::UserExit exit = exec::enter_user(context);
///       if (exit.kind == arch::UserExitKind::kInterrupt) {
///         if (exec::should_yield()) co_await exec::yield_now();
///         continue;
///       }
///       …
///     }
///
/// *Requires*: the guest's address space is active on this hart. *Context*: a task.
arch::UserExit enter_user(arch::UserContext& context, async::CancelToken stop = {});

/// Whether a quick handler of the context may go back to user mode, rather than to its task. The
/// answer is good until interrupts go on again. *Requires*: interrupts are off. *Context*: a quick
/// handler.
///
/// Nothing is missed. What may concern this hart while it is in the handler comes in one of three
/// ways, and each sets `attention`: an interrupt (the slice's end, a timer, a device, a task that
/// another hart sends here, a kick because the guest is to end), a task made ready by the handler
/// itself, and a kick by this very hart. An interrupt that comes after the look is pending when
/// user mode begins, and ends it at once. `enter_user` clears `attention` with interrupts off,
/// after it has looked at everything else; so it does not get lost on the way in either.
/// *Requires* of handlers: they arm no timer, since only `enter_user` tells the comparator.
inline bool may_go_back() noexcept {
  return !arch::hart_local().attention;
}

/// Whether the guest thread that just came back should let others run: its slice is over and
/// there are others, or something urgent came in. *Context*: a task.
bool should_yield() noexcept;

/// Drops what this hart's registers still hold of a context that is about to be destroyed or
/// rewritten. *Context*: any task.
void forget_user(arch::UserContext& context) noexcept;

}  // namespace quoll::exec
