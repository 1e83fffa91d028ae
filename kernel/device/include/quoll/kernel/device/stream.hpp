// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Byte streams: how guests and the shell reach the outside, whatever device carries the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/async/cancel.hpp>
#include <quoll/async/task.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/base/result.hpp>

namespace quoll::device {

/// Why no bytes were moved.
enum class StreamError : std::uint8_t {
  kCancelled,    ///< the wait's token was cancelled
  kClosed,       ///< nobody is at the other end any more
  kFailed,       ///< the device misbehaved and has been given up
  kOutOfMemory,  ///< no memory for the wait's coroutine
};

/// Wants to know when a stream may have become ready. Intrusive; the owner keeps it alive
/// between `watch` and `unwatch`.
struct Watcher {
  /// Called in task context; never again once `unwatch` has returned. Must not lead back into the
  /// stream.
  void (*changed)(Watcher& watcher) noexcept = nullptr;
  Watcher* previous = nullptr;
  Watcher* next = nullptr;
};

/// A stream of bytes in either direction or both. Streams live as long as the machine.
class ByteStream {
 public:
  /// Waits until there is something, then takes at most `into.size()` bytes. 0: end of file.
  /// *Requires*: `into` stays valid until the task has ended.
  virtual async::Task<base::Result<std::size_t, StreamError>> read(
      std::span<std::byte> into, async::CancelToken token = {}) = 0;
  /// Waits until there is room, then takes some of `from`; at least one byte of a non-empty span.
  virtual async::Task<base::Result<std::size_t, StreamError>> write(
      std::span<const std::byte> from, async::CancelToken token = {}) = 0;

  /// Whether `read` or `write` would return at once (errors and end of file included).
  virtual bool readable() noexcept = 0;
  virtual bool writable() noexcept = 0;
  /// Calls `watcher.changed` whenever `readable` or `writable` may have become true.
  virtual void watch(Watcher& watcher) noexcept = 0;
  virtual void unwatch(Watcher& watcher) noexcept = 0;

 protected:
  ~ByteStream() = default;
};

/// The three streams of a program.
struct StandardStreams {
  ByteStream* input = nullptr;
  ByteStream* output = nullptr;
  ByteStream* error = nullptr;
};

/// The host's ports quoll.stdin, quoll.stdout and quoll.stderr, or the console where there are
/// none. *Requires*: devices have been started (`device::start`).
StandardStreams streams() noexcept;

/// Called (in task context) when 0x03 arrives on the console; at once if one came while there was
/// no handler.
void set_interrupt_handler(void (*handler)()) noexcept;

}  // namespace quoll::device
