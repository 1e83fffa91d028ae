// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Boot's side of the devices.
#pragma once

#include <cstdint>

#include <quoll/async/cancel.hpp>
#include <quoll/async/task.hpp>
#include <quoll/fdt/device_tree.hpp>

namespace quoll::device {

/// Devices that need no task: the test device, the clock, the console's output.
/// *Context*: boot hart, once. The result is wall-clock time now, in nanoseconds; 0: unknown.
std::uint64_t start_early(const fdt::DeviceTree& tree) noexcept;

/// Everything else; ends when the standard streams are known. *Context*: task, once.
async::Task<void> start(const fdt::DeviceTree& tree);

/// Whether the streams are the console, where somebody types.
bool streams_are_terminal() noexcept;

/// Writes all that was recorded to the host's port quoll.trace, if there is one; recording ends
/// before. `token` gives up what is left. *Context*: task.
async::Task<void> write_trace(async::CancelToken token = {});

/// Waits until the host has taken what was written so far, however slowly it reads; a port that it
/// has closed is not waited for. `token` gives up what is left. *Context*: task.
async::Task<void> flush(async::CancelToken token = {});

}  // namespace quoll::device
