// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which kind of fault a trap out of the kernel is.
#pragma once

#include <string_view>

#include <quoll/arch/trap_frame.hpp>

namespace quoll::panic {

/// The first words of a fault's report (docs/panic.md). *Context*: the hart that trapped.
std::string_view kind_of_fault(const arch::TrapFrame& frame) noexcept;

}  // namespace quoll::panic
