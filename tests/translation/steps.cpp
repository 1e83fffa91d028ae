// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "steps.hpp"

namespace {
std::uint64_t count = 0;
}  // namespace

namespace quoll::translation {
std::uint64_t steps() noexcept {
  return count;
}
}  // namespace quoll::translation

// NOLINTNEXTLINE: the compiler calls it so
extern "C" void __sanitizer_cov_trace_pc() {
  ++count;
}
