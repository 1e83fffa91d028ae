// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The supervisor binary interface: extension and function numbers, error codes (SBI
// specification 2.0). The call instruction itself is arch code.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::riscv::sbi {

/// Extension ids, passed in a7.
enum class Extension : std::uint64_t {
  kLegacySetTimer = 0x00,
  kLegacyConsolePutchar = 0x01,
  kLegacyConsoleGetchar = 0x02,
  kLegacyShutdown = 0x08,
  kBase = 0x10,
  kTimer = 0x54494d45,         // "TIME"
  kIpi = 0x735049,             // "sPI"
  kRemoteFence = 0x52464e43,   // "RFNC"
  kHartState = 0x48534d,       // "HSM"
  kSystemReset = 0x53525354,   // "SRST"
  kDebugConsole = 0x4442434e,  // "DBCN"
};

/// Function ids, passed in a6.
enum class BaseFunction : std::uint64_t {
  kSpecVersion = 0,
  kImplementationId = 1,
  kImplementationVersion = 2,
  kProbeExtension = 3,
  kMachineVendorId = 4,
  kMachineArchitectureId = 5,
  kMachineImplementationId = 6,
};
enum class TimerFunction : std::uint64_t { kSetTimer = 0 };
enum class IpiFunction : std::uint64_t { kSend = 0 };
enum class RemoteFenceFunction : std::uint64_t {
  kFenceI = 0,
  kSfenceVma = 1,
  kSfenceVmaAsid = 2,
};
enum class HartStateFunction : std::uint64_t {
  kStart = 0,
  kStop = 1,
  kStatus = 2,
  kSuspend = 3,
};
enum class SystemResetFunction : std::uint64_t { kReset = 0 };
enum class DebugConsoleFunction : std::uint64_t { kWrite = 0, kRead = 1, kWriteByte = 2 };

/// What HSM's status function answers.
enum class HartState : std::uint64_t {
  kStarted = 0,
  kStopped = 1,
  kStartPending = 2,
  kStopPending = 3,
  kSuspended = 4,
  kSuspendPending = 5,
  kResumePending = 6,
};

enum class ResetType : std::uint32_t { kShutdown = 0, kColdReboot = 1, kWarmReboot = 2 };
enum class ResetReason : std::uint32_t { kNone = 0, kSystemFailure = 1 };

/// What a call answers in a0.
enum class Error : std::int64_t {
  kSuccess = 0,
  kFailed = -1,
  kNotSupported = -2,
  kInvalidParameter = -3,
  kDenied = -4,
  kInvalidAddress = -5,
  kAlreadyAvailable = -6,
  kAlreadyStarted = -7,
  kAlreadyStopped = -8,
  kNoSharedMemory = -9,
};

constexpr std::string_view name(Error error) noexcept {
  switch (error) {
    case Error::kSuccess:
      return "success";
    case Error::kFailed:
      return "failed";
    case Error::kNotSupported:
      return "not supported";
    case Error::kInvalidParameter:
      return "invalid parameter";
    case Error::kDenied:
      return "denied";
    case Error::kInvalidAddress:
      return "invalid address";
    case Error::kAlreadyAvailable:
      return "already available";
    case Error::kAlreadyStarted:
      return "already started";
    case Error::kAlreadyStopped:
      return "already stopped";
    case Error::kNoSharedMemory:
      return "no shared memory";
  }
  return "unknown error";
}

/// A hart mask base that means "all harts".
inline constexpr std::uint64_t kAllHarts = ~std::uint64_t{0};
/// A fence of this size covers the whole address space.
inline constexpr std::uint64_t kWholeAddressSpace = ~std::uint64_t{0};

}  // namespace quoll::riscv::sbi
