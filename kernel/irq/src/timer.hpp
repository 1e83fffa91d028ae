// SPDX-License-Identifier: Apache-2.0 OR MIT
#pragma once

#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/trap_frame.hpp>

namespace quoll::irq {

/// This hart's comparator has fired.
void handle_timer(arch::HartLocal& local, const arch::TrapFrame* frame) noexcept;

}  // namespace quoll::irq
