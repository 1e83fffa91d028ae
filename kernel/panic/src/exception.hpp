// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The one exception: thrown by panics, caught by coroutine promises.
#pragma once

namespace quoll::panic {

/// Unwinds to the promise of the running coroutine, and runs the destructors on the way.
/// *Requires*: a task runs on this hart, and none is being unwound.
[[noreturn]] void throw_exception();

/// Whether this hart is between a throw and its catch: destructors are running.
bool unwinding() noexcept;

}  // namespace quoll::panic
