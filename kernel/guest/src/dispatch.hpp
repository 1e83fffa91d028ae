// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// dispatch: one system call, from its number to its result.
#pragma once

#include <array>
#include <cstdint>

#include <quoll/abi/syscall.hpp>
#include <quoll/kernel/guest/guest.hpp>

#include "call.hpp"

namespace quoll::guest {

/// How far the pc goes on behind a call.
inline constexpr std::uint64_t kEcallSize = 4;

/// The calls that return at once, by number; null for the others, which `dispatch` knows.
using CallHandlers = std::array<CallHandler, abi::kSyscallCount>;
extern const CallHandlers kHandlers;

inline CallHandler handler_of(std::uint64_t number) noexcept {
  return number < kHandlers.size() ? kHandlers[number] : nullptr;
}

/// What the guest's thread does next.
enum class Next : std::uint8_t {
  kResume,     ///< back to user mode at once
  kYield,      ///< back to user mode after others
  kWait,       ///< the call waits: `waiting_call` is to be awaited
  kEnd,        ///< the guest has ended itself
  kAwaitPage,  ///< the guest's `awaited_page` is to be awaited, then as `kResume`
};

/// Handles the call whose number and arguments are in the guest's registers, whose pc still stands
/// at the `ecall`. Only calls that wait are left to the caller.
/// *Requires*: the guest's address space is active.
Next dispatch(Guest& guest, GuestEnd& end);

}  // namespace quoll::guest
