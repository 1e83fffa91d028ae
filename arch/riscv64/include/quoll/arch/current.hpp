// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The architecture that this build selects: RISC-V.
#pragma once

#include <quoll/arch/clock.hpp>
#include <quoll/arch/concepts.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/mmu.hpp>
#include <quoll/arch/user_memory.hpp>

namespace quoll::arch {

static_assert(Machine<Interrupts, Harts, Mmu, UserMemory>);

}  // namespace quoll::arch
