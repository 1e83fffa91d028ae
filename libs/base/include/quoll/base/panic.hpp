// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Panics on their way through coroutines: what a room that catches and throws them on needs of the
// program around it.
#pragma once

namespace quoll::base {

/// Throws a panic on that a coroutine's promise has caught; its report was made where it began.
/// A program in which panics unwind defines it (the kernel; host tests).
/// *Context*: the hart that caught it, before anything else happens there.
[[noreturn]] void continue_panic();

}  // namespace quoll::base
