// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the machine does once it is up: each kernel image defines it once.
#pragma once

#include <quoll/async/task.hpp>

namespace quoll::boot {

/// The image's purpose: guests and the prompt, or the kernel's tests. Ends by stopping the machine.
async::Task<void> main_program();

}  // namespace quoll::boot
