// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The numbers of the system calls, in a7. docs/abi.md says what each does.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quoll::abi {

/// A system call's number.
enum class Syscall : std::uint64_t {
  kExit = 0,             ///< (EndKind, status), does not return
  kYield = 1,            ///< ()
  kClockGet = 2,         ///< (Clock) -> nanoseconds
  kWaitMany = 3,         ///< (WaitItem*, count, deadline_ns) -> number of ready items; waits
  kStreamRead = 4,       ///< (handle, buffer, length) -> bytes, 0 at end of file; waits
  kStreamWrite = 5,      ///< (handle, buffer, length) -> bytes, at least 1; waits
  kFileRead = 6,         ///< (handle, buffer, length, offset) -> bytes, 0 at end of file
  kHandleStat = 7,       ///< (handle, Stat*)
  kHandleClose = 8,      ///< (handle)
  kDirectoryOpen = 9,    ///< (directory, name, length) -> handle
  kDirectoryRead = 10,   ///< (directory, cookie, buffer, length) -> bytes of DirectoryEntry
  kMemoryReserve = 11,   ///< (bytes) -> address
  kMemoryCommit = 12,    ///< (address, bytes)
  kMemoryDecommit = 13,  ///< (address, bytes)
  kMemoryRelease = 14,   ///< (address)
  kRandom = 15,          ///< (buffer, length)
  kFaultUpcall = 16,     ///< (handler, stack_top)
  kFaultReturn = 17,     ///< (FaultFrame*), returns to the frame's pc
  kLog = 18,             ///< (text, length)
  kMemoryGuard = 19,     ///< (address, bytes)
};

/// One above the highest number.
inline constexpr std::uint64_t kSyscallCount = 20;

/// What people call them, by number.
inline constexpr std::array<std::string_view, kSyscallCount> kSyscallNames = {"exit",
                                                                              "yield",
                                                                              "clock_get",
                                                                              "wait_many",
                                                                              "stream_read",
                                                                              "stream_write",
                                                                              "file_read",
                                                                              "handle_stat",
                                                                              "handle_close",
                                                                              "directory_open",
                                                                              "directory_read",
                                                                              "memory_reserve",
                                                                              "memory_commit",
                                                                              "memory_decommit",
                                                                              "memory_release",
                                                                              "random",
                                                                              "fault_upcall",
                                                                              "fault_return",
                                                                              "log",
                                                                              "memory_guard"};

}  // namespace quoll::abi
