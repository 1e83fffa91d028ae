// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Assertions: for invariants of our own code, never for input.
#pragma once

namespace quoll::base {

/// Reports a broken invariant and does not return. Each program defines it once: the kernel
/// panics, the runtime ends its guest, a test aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, unsigned line);

}  // namespace quoll::base

/// Always on: what stands between a bug and memory corruption.
#define QUOLL_ASSERT(expression)                                                  \
  do {                                                                            \
    if (!(expression)) [[unlikely]]                                               \
      ::quoll::base::assertion_failed(#expression, __FILE__, unsigned{__LINE__}); \
  } while (false)

/// For internal logic that is too costly to check in a release build.
#ifdef NDEBUG
#define QUOLL_DEBUG_ASSERT(expression) \
  do {                                 \
    if (false) (void)(expression);     \
  } while (false)
#else
#define QUOLL_DEBUG_ASSERT(expression) QUOLL_ASSERT(expression)
#endif
