// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Interrupts that belong to nobody: noted by the handler, told by whoever takes interrupts again.
#pragma once

namespace quoll::irq {

/// Logs each source that was masked since the last call, because nobody serves it; whether there
/// was any. *Context*: not a handler; interrupts are on.
bool tell_of_strays() noexcept;

}  // namespace quoll::irq
