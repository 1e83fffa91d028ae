// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why a hart trapped: scause (privileged specification, table "Supervisor cause register values
// after trap").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/mem/permissions.hpp>

namespace quoll::riscv {

enum class Exception : std::uint8_t {
  kInstructionMisaligned = 0,
  kInstructionAccess = 1,
  kIllegalInstruction = 2,
  kBreakpoint = 3,
  kLoadMisaligned = 4,
  kLoadAccess = 5,
  kStoreMisaligned = 6,
  kStoreAccess = 7,
  kUserCall = 8,
  kSupervisorCall = 9,
  kInstructionPageFault = 12,
  kLoadPageFault = 13,
  kStorePageFault = 15,
  kSoftwareCheck = 18,
  kHardwareError = 19,
};

enum class Interrupt : std::uint8_t { kSoftware = 1, kTimer = 5, kExternal = 9 };

/// The content of scause.
class TrapCause {
 public:
  constexpr explicit TrapCause(std::uint64_t value) : value_(value) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a cause is either
  constexpr TrapCause(Exception exception) : value_(static_cast<std::uint64_t>(exception)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a cause is either
  constexpr TrapCause(Interrupt interrupt)
      : value_(kInterruptBit | static_cast<std::uint64_t>(interrupt)) {}

  constexpr std::uint64_t value() const noexcept { return value_; }
  constexpr bool is_interrupt() const noexcept { return (value_ & kInterruptBit) != 0; }
  /// Cause number without the interrupt bit.
  constexpr std::uint64_t code() const noexcept { return value_ & ~kInterruptBit; }
  constexpr bool is(Exception exception) const noexcept { return *this == TrapCause(exception); }
  constexpr bool is(Interrupt interrupt) const noexcept { return *this == TrapCause(interrupt); }

  /// How memory was touched, when this is a page fault; nothing otherwise.
  constexpr std::optional<mem::Access> page_fault_access() const noexcept {
    if (is(Exception::kInstructionPageFault)) return mem::Access::kExecute;
    if (is(Exception::kLoadPageFault)) return mem::Access::kRead;
    if (is(Exception::kStorePageFault)) return mem::Access::kWrite;
    return std::nullopt;
  }

  /// A name for people.
  constexpr std::string_view name() const noexcept {
    if (is_interrupt()) {
      switch (static_cast<Interrupt>(code() < 64 ? code() : 0)) {
        case Interrupt::kSoftware:
          return "software interrupt";
        case Interrupt::kTimer:
          return "timer interrupt";
        case Interrupt::kExternal:
          return "external interrupt";
      }
      return "unknown interrupt";
    }
    switch (static_cast<Exception>(code() < 64 ? code() : 63)) {
      case Exception::kInstructionMisaligned:
        return "misaligned instruction address";
      case Exception::kInstructionAccess:
        return "instruction access fault";
      case Exception::kIllegalInstruction:
        return "illegal instruction";
      case Exception::kBreakpoint:
        return "breakpoint";
      case Exception::kLoadMisaligned:
        return "misaligned load";
      case Exception::kLoadAccess:
        return "load access fault";
      case Exception::kStoreMisaligned:
        return "misaligned store";
      case Exception::kStoreAccess:
        return "store access fault";
      case Exception::kUserCall:
        return "call from user mode";
      case Exception::kSupervisorCall:
        return "call from supervisor mode";
      case Exception::kInstructionPageFault:
        return "instruction page fault";
      case Exception::kLoadPageFault:
        return "load page fault";
      case Exception::kStorePageFault:
        return "store page fault";
      case Exception::kSoftwareCheck:
        return "software check";
      case Exception::kHardwareError:
        return "hardware error";
    }
    return "unknown exception";
  }

  constexpr bool operator==(const TrapCause&) const = default;

 private:
  static constexpr std::uint64_t kInterruptBit = std::uint64_t{1} << 63;
  std::uint64_t value_;
};

}  // namespace quoll::riscv
