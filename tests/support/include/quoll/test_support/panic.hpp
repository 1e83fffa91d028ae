// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The exception that stands for a contained panic in host tests.
#pragma once

namespace quoll::test_support {

struct Panic {};

/// Panics, as the kernel does in a task without locks.
[[noreturn]] inline void panic() {
  throw Panic();
}

}  // namespace quoll::test_support
