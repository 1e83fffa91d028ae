// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The ports of the virtio console device as streams.
#pragma once

#include <string_view>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/kernel/device/stream.hpp>

namespace quoll::device {

/// Finds the device and brings it up. *Context*: task. False when there is none, or none that we
/// can drive.
bool start_virtio_console(const fdt::DeviceTree& tree) noexcept;

/// Serves the device's interrupts, as a task.
async::Task<void> serve_virtio_console();

/// Opens a port; null when the device has none of that name (yet). *Context*: task.
ByteStream* open_port(std::string_view name) noexcept;

/// Set whenever a port may have appeared.
async::Event& ports_changed() noexcept;

/// Whether the host has taken everything that was written.
bool ports_drained() noexcept;

}  // namespace quoll::device
