// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// In a host test a broken invariant ends the program: GoogleTest's death tests see the line.
#include <cstdio>
#include <cstdlib>

#include <quoll/base/assert.hpp>

namespace quoll::base {

void assertion_failed(const char* expression, const char* file, unsigned line) {
  std::fprintf(stderr, "%s:%u: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace quoll::base
