// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// How guests are started, and found again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/kernel/guest/guest.hpp>
#include <quoll/kernel/guest/runtime_image.hpp>

namespace quoll::guest {

/// A directory that a guest is given.
struct Preopen {
  archive::NodeId directory;
  std::string_view name;  ///< the path by which the program knows it
};

/// What a guest starts with. Nothing in it has to outlive `start`.
struct GuestSpec {
  std::string_view name;
  archive::NodeId program;  ///< the module, a file
  std::span<const std::string_view> arguments;
  std::span<const std::string_view> environment;
  std::span<const Preopen> preopens;
  device::StandardStreams streams;
  /// Committed memory at most, in bytes; 0: what `default_memory_limit` says.
  std::uint64_t memory_limit = 0;
  /// The program in user mode; null: the guest runtime.
  const RuntimeImage* image = nullptr;
};

/// Why a guest was not started. Nothing of it is left.
enum class StartError : std::uint8_t {
  kOutOfMemory,
  kTooManyArguments,  ///< more than abi::kMaxStartBlock bytes
  kTooManyHandles,    ///< more streams and directories than abi::kMaxHandles
  kNotAFile,          ///< the program is a directory
};

/// Makes a guest and the task that runs it. *Context*: task.
base::Result<GuestRef, StartError> start(const GuestSpec& spec);

/// Ends all guests and waits until they have given everything back. *Context*: task, while nobody
/// starts guests.
async::Task<void> end_all();

/// A part of the memory that is free now, so that one guest alone cannot take the machine's last.
std::uint64_t default_memory_limit() noexcept;

/// `co_await wait(guest, token)`: until it has ended; then `guest->end()` says how.
inline auto wait(Guest& guest, async::CancelToken token = {}) noexcept {
  return guest.ended().wait(token);
}

/// The guest that the console's interrupt key ends; none when empty.
void set_foreground(GuestRef guest) noexcept;
/// Ends the guest in the foreground, if there is one. *Context*: task.
void interrupt_foreground() noexcept;

/// One line of `ps`.
struct GuestInfo {
  std::uint64_t id = 0;
  std::array<char, Guest::kMaxName> name{};
  std::size_t name_size = 0;
  abi::MemoryPlan memory_plan = abi::MemoryPlan::kChecked;
  std::uint64_t run_time = 0;    ///< in ticks
  std::optional<unsigned> hart;  ///< that runs it just now
};
/// Describes the running guests with ids above `after`, oldest first, as many as fit; the result
/// is how many. The last one's id leads on to the rest.
std::size_t list_guests(std::span<GuestInfo> out, std::uint64_t after = 0) noexcept;
/// How many guests run.
std::size_t guest_count() noexcept;

/// A short phrase, for the user.
const char* to_string(StartError error) noexcept;

}  // namespace quoll::guest
