// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The short way: system calls and page faults that are over at once, without leaving the trap.
#pragma once

#include <quoll/kernel/guest/guest.hpp>

namespace quoll::guest {

/// From now on the guest's calls that return at once, and the page faults that demand paging
/// resolves, are served in the trap itself; its thread sees the others only.
/// *Context*: the guest's task, before user mode.
void serve_quickly(Guest& guest) noexcept;

}  // namespace quoll::guest
