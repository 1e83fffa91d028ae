// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The console and the log: one lock, so that lines come out whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quoll::async {
class Signal;
class TaskHeader;
}  // namespace quoll::async

namespace quoll::tracing {

/// Gives one byte to the device; false when that has no room for it now. Does not wait.
using PutByte = bool (*)(std::uint8_t byte) noexcept;

/// Finds the task that runs on the caller's hart. *Context*: any.
using FindTask = async::TaskHeader* (*)() noexcept;

/// Where log lines have colours.
enum class Colour : std::uint8_t {
  kOff,
  kPort,  ///< in the ring, which is for the log's port
  kOn,    ///< on the console too
};

/// Installs the log's backend over the firmware's console. From here on lines can be logged, at
/// time 0. *Context*: the boot hart's first instruction.
void begin() noexcept;
/// Starts the log's clock. *Context*: boot hart.
void start(std::uint64_t ticks_per_second, std::uint64_t kernel_bias) noexcept;
/// From here on lines tell the task in which they are logged, and spans go with it.
void use_tasks(FindTask find) noexcept;
void use_colour(Colour wanted) noexcept;
/// From here on the console is this device instead of the firmware's.
void use_console(PutByte put) noexcept;

/// Writes text unbroken by other harts' lines, if it is no longer than a line. It is on its way to
/// the console when this returns: another hart may be busy with that. *Context*: any.
void write(std::string_view text) noexcept;
/// The same past the lock and the queue: for panics only.
void write_unlocked(std::string_view text) noexcept;
/// Brings out what waits to be written, unless another hart does so. *Context*: any.
void print_waiting() noexcept;
/// Returns when everything has been written. *Context*: before the machine ends.
void finish() noexcept;
/// Writes one whole log line: to the console and to the ring.
void write_line(std::string_view line) noexcept;

/// The log's zero, in ticks of the clock.
std::uint64_t start_time() noexcept;

/// What was added to the kernel's linked addresses.
std::uint64_t kernel_bias() noexcept;

/// Log lines are also kept in a ring, from the first one on, for a sink that comes later. Takes
/// the next bytes from position `from`, which moves on; 0: there are no more now. A reader that
/// fell behind by more than the ring is moved to the oldest byte kept.
std::size_t read_ring(std::uint64_t& from, std::span<std::byte> into) noexcept;
/// How many bytes have ever been written to the ring.
std::uint64_t ring_end() noexcept;
/// Set whenever the ring has got new lines. One reader at a time.
async::Signal& ring_grew() noexcept;

}  // namespace quoll::tracing
