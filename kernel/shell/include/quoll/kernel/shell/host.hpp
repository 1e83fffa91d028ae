// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Host: what the shell needs of the machine around it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/archive/archive.hpp>
#include <quoll/async/task.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/async/wait.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/guest/end.hpp>

namespace quoll::shell {

/// A program that was started, until `wait` or `poll` has told its end.
using Job = std::uint64_t;

/// What is to be run.
struct Program {
  archive::NodeId file;
  std::span<const std::string_view> arguments;  ///< the program's name first
  bool background = false;  ///< without standard input, and out of the interrupt key's reach
};

/// One line of `ps`.
struct ProgramInfo {
  std::uint64_t id = 0;
  std::string_view name;
  std::string_view memory_plan;   ///< how its linear memories get their addresses
  std::uint64_t run_time_ns = 0;  ///< for how long harts have run it
  std::optional<unsigned> hart;   ///< that runs it just now
};

/// Numbers of `mem`.
struct MemoryInfo {
  std::uint64_t free_bytes = 0;
  std::uint64_t heap_bytes = 0;       ///< of the kernel's heap that are in use
  std::uint64_t heap_held_bytes = 0;  ///< that it has: how they are spread is an accident
};

/// One line of `harts`. What is counted was counted since the machine's start.
struct HartInfo {
  std::uint64_t hardware_id = 0;  ///< as firmware and device tree call it
  unsigned cluster = 0;
  unsigned core = 0;
  unsigned thread = 0;        ///< of its core
  std::uint32_t cache = 0;    ///< harts of one number share it; 0: none is known
  std::uint64_t resumed = 0;  ///< tasks it went on with
  std::uint64_t parks = 0;    ///< it had nothing to do
  std::uint64_t timer = 0;    ///< interrupts of its timer,
  std::uint64_t devices = 0;  ///< of devices,
  std::uint64_t others = 0;   ///< and of other harts; of these,
  std::uint64_t wakes = 0;    ///< because there was something to do,
  std::uint64_t kicks = 0;    ///< to leave a program,
  std::uint64_t watch = 0;    ///< and for the watchdog
};

/// One line of `irqs`.
struct SourceInfo {
  std::optional<unsigned> hart;  ///< where it goes; none: it has no driver
  std::uint32_t priority = 0;
  std::uint64_t count = 0;   ///< how often it has interrupted
  std::uint64_t strays = 0;  ///< of these, how often it had no driver
};

/// The machine, as the kernel implements it and tests fake it.
class Host {
 public:
  virtual const archive::Archive& archive() const noexcept = 0;
  /// One line that says what runs here.
  virtual std::string_view version() const = 0;
  virtual MemoryInfo memory() const = 0;
  /// A hart, by its number; none when there are no more.
  virtual std::optional<HartInfo> hart(unsigned number) const = 0;
  /// A source of interrupts, by its number from 1 on; none when there are no more.
  virtual std::optional<SourceInfo> source(std::uint32_t number) const = 0;
  /// How often that source has interrupted that hart.
  virtual std::uint64_t interrupts(std::uint32_t source, unsigned hart) const = 0;
  /// When something that failed for want of memory may be tried again, on the machine's clock.
  virtual async::Ticks soon() const noexcept = 0;

  /// Starts a program. The error is a phrase for the user.
  virtual base::Result<Job, const char*> start(const Program& program) = 0;
  /// Waits for a program's end.
  /// *Requires*: the job has not been told to have ended.
  virtual async::Task<base::Result<guest::GuestEnd, async::WaitError>> wait(Job job) = 0;
  /// Whether a program has ended, and how.
  virtual bool poll(Job job, guest::GuestEnd& end) = 0;
  /// Asks a program to end, which it does soon. False: there is none of this number, or its end
  /// has been told.
  virtual bool kill(Job job) = 0;
  /// Calls `each` for every running program.
  virtual void list(void (*each)(void* context, const ProgramInfo& info), void* context) = 0;

 protected:
  ~Host() = default;
};

}  // namespace quoll::shell
