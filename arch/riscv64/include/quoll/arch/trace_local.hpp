// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tracing's share of a hart's own data, and its clock.
#pragma once

#include <cstdint>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/trace/local.hpp>

namespace quoll::arch {

/// Of the hart that runs this.
[[gnu::always_inline]] inline trace::Local& trace_local() noexcept {
  return hart_local().trace;
}

[[gnu::always_inline]] inline std::uint64_t trace_clock() noexcept {
  return read_time();
}

}  // namespace quoll::arch
