// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// dispatch: one system call, from its number to its result.
#pragma once

#include <cstdint>

#include <quoll/kernel/guest/guest.hpp>

namespace quoll::guest {

/// What the guest's thread does next.
enum class Next : std::uint8_t {
  kResume,  ///< back to user mode at once
  kYield,   ///< back to user mode after others
  kWait,    ///< the call waits: `waiting_call` is to be awaited
  kEnd,     ///< the guest has ended itself
};

/// Handles the call whose number and arguments are in the guest's registers, whose pc still stands
/// at the `ecall`. Only calls that wait are left to the caller.
/// *Requires*: the guest's address space is active.
Next dispatch(Guest& guest, GuestEnd& end);

}  // namespace quoll::guest
