// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// GuestEnd: how a guest came to its end, and what a shell or the machine says about it.
#pragma once

#include <cstdint>

#include <quoll/abi/types.hpp>

namespace quoll::guest {

/// Exit statuses that are not the program's own.
namespace status {
inline constexpr std::uint8_t kKernelStopped = 125;  ///< all of it, or only on the guest's behalf
inline constexpr std::uint8_t kNotLoaded = 126;
inline constexpr std::uint8_t kNotFound = 127;
inline constexpr std::uint8_t kInterrupted = 130;
inline constexpr std::uint8_t kTrapped = 134;
inline constexpr std::uint8_t kFaulted = 139;
}  // namespace status

/// Which of the ends of docs/abi.md it was.
enum class EndReason : std::uint8_t {
  kExited,       ///< by itself, with a status
  kTrapped,      ///< a WebAssembly trap; the runtime has said why
  kLoadFailed,   ///< the module was refused; the runtime has said why
  kFaulted,      ///< a fault that nobody handled
  kInterrupted,  ///< from the console, or by another task
  kPanicked,     ///< the kernel panicked in one of its system calls, and contained that
};

/// The end of one guest.
struct GuestEnd {
  EndReason reason = EndReason::kExited;
  std::uint64_t exit_status = 0;                   ///< as given to `exit`; for kExited
  abi::FaultKind fault = abi::FaultKind::kLoad;    ///< for kFaulted
  std::uint64_t address = 0;                       ///< accessed; for kFaulted
  std::uint64_t pc = 0;                            ///< for kFaulted
  abi::FaultCause cause = abi::FaultCause::kNone;  ///< for kFaulted
  /// The region that the address is in, and one past it; both 0 when it is in none.
  std::uint64_t region_start = 0;
  std::uint64_t region_end = 0;

  /// The status in a shell's sense, 0 to 255.
  constexpr std::uint8_t status() const noexcept {
    switch (reason) {
      case EndReason::kExited:
        return static_cast<std::uint8_t>(exit_status & 0xff);
      case EndReason::kTrapped:
        return status::kTrapped;
      case EndReason::kLoadFailed:
        return status::kNotLoaded;
      case EndReason::kFaulted:
        return status::kFaulted;
      case EndReason::kInterrupted:
        return status::kInterrupted;
      case EndReason::kPanicked:
        return status::kKernelStopped;
    }
    return status::kFaulted;
  }

  bool operator==(const GuestEnd&) const = default;
};

/// What `exit(kind, status)` means. An unknown kind counts as a trap.
constexpr GuestEnd end_by_exit(std::uint64_t kind, std::uint64_t exit_status) noexcept {
  GuestEnd end;
  end.exit_status = exit_status;
  if (kind == static_cast<std::uint64_t>(abi::EndKind::kExited)) {
    end.reason = EndReason::kExited;
  } else if (kind == static_cast<std::uint64_t>(abi::EndKind::kLoadFailed)) {
    end.reason = EndReason::kLoadFailed;
  } else {
    end.reason = EndReason::kTrapped;
  }
  return end;
}

/// What the kernel's one line about a killed guest calls the fault.
constexpr const char* to_string(abi::FaultKind kind) noexcept {
  switch (kind) {
    case abi::FaultKind::kLoad:
      return "load fault";
    case abi::FaultKind::kStore:
      return "store fault";
    case abi::FaultKind::kFetch:
      return "fetch fault";
    case abi::FaultKind::kIllegalInstruction:
      return "illegal instruction";
    case abi::FaultKind::kMisaligned:
      return "misaligned access";
    case abi::FaultKind::kBreakpoint:
      return "breakpoint";
    case abi::FaultKind::kOutOfMemory:
      return "out of memory";
  }
  return "fault";
}

/// What that line says of the cause; null when there is none to be told.
constexpr const char* to_string(abi::FaultCause cause) noexcept {
  switch (cause) {
    case abi::FaultCause::kNone:
      return nullptr;
    case abi::FaultCause::kUnmapped:
      return "nothing is mapped there";
    case abi::FaultCause::kDenied:
      return "not permitted";
    case abi::FaultCause::kGuard:
      return "a guard";
    case abi::FaultCause::kOutsideFile:
      return "behind the object's end";
    case abi::FaultCause::kUnavailable:
      return "the page is unavailable";
  }
  return nullptr;
}

}  // namespace quoll::guest
