// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The UART as a console: the log's way out, the interrupt key's way in, and a terminal when the
// host gives no streams.
#pragma once

#include <quoll/fdt/device_tree.hpp>
#include <quoll/kernel/device/stream.hpp>

namespace quoll::device {

/// Finds the UART that `stdout-path` names and makes it the console. *Context*: boot hart. False
/// when there is none that we can drive; the firmware's console then stays in use.
bool start_console(const fdt::DeviceTree& tree) noexcept;

/// Serves the console's interrupts, as a task.
async::Task<void> serve_console();

/// From now on what is typed is echoed and read as lines.
void make_console_interactive() noexcept;

/// The console as a terminal.
ByteStream& console_stream() noexcept;

}  // namespace quoll::device
