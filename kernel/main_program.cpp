// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel proper: guests and the prompt.
#include <quoll/kernel/boot/program.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/shell/boot.hpp>
#include <quoll/kernel/state/state.hpp>

namespace quoll::boot {

async::Task<void> main_program() {
  const auto done = co_await shell::boot_task(*kernel::state().boot_info).checked();
  if (!done) panic::panic("no memory for the first program");
}

}  // namespace quoll::boot
