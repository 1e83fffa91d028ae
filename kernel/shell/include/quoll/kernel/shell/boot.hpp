// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The first task: what the machine does once it is up.
#pragma once

#include <quoll/async/task.hpp>
#include <quoll/handoff/boot_info.hpp>

namespace quoll::shell {

/// Opens the boot archive, makes the guest runtime ready, and runs what the archive asks for: one
/// program, whose status becomes the machine's, or the prompt. Ends by stopping the machine.
/// *Requires*: memory, executor, random generator and devices are up; `info` stays.
async::Task<void> boot_task(const handoff::BootInfo& info);

}  // namespace quoll::shell
