// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Commands that list what there is: programs, harts, sources of interrupts, memory.
#pragma once

#include <quoll/kernel/shell/shell.hpp>

#include "commands.hpp"

namespace quoll::shell {

Shell::Printing ps(Shell& shell, Invocation invocation);
Shell::Printing harts(Shell& shell, Invocation invocation);
Shell::Printing irqs(Shell& shell, Invocation invocation);
Shell::Printing mem(Shell& shell, Invocation invocation);

}  // namespace quoll::shell
