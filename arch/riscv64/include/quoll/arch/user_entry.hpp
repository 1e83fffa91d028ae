// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Into user mode and back, with lazily switched floating-point registers.
#pragma once

#include <quoll/arch/user_context.hpp>

namespace quoll::arch {

/// Runs the context until the next trap that its quick handler leaves to the caller. Interrupts are
/// off when it returns, and one that ended user mode is still pending. *Requires*: interrupts are
/// off.
UserExit enter_user(UserContext& context);

/// Stores what this hart holds of the context's floating-point registers, if they have changed.
void save_float(UserContext& context) noexcept;
/// This hart's registers no longer stand for the context's.
void forget_float(UserContext& context) noexcept;

}  // namespace quoll::arch
