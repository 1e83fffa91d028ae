// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tracing on the workstation: every thread plays a hart with a ring of its own, and time is how
// often somebody asked for it.
#pragma once

#include <cstdint>

#include <quoll/trace/local.hpp>

namespace quoll::arch {

trace::Local& trace_local() noexcept;
std::uint64_t trace_clock() noexcept;

}  // namespace quoll::arch
