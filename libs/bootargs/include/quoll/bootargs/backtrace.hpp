// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// `backtrace=`: how much the kernel and the guests' runtimes print of what had been called.
#pragma once

#include <cstdint>

#include <quoll/bootargs/value.hpp>

namespace quoll::bootargs {

enum class Backtrace : std::uint8_t { kOff = 0, kShort = 1, kFull = 2 };

inline constexpr Word kBacktraceWords[] = {
    {"off", static_cast<std::uint64_t>(Backtrace::kOff)},
    {"short", static_cast<std::uint64_t>(Backtrace::kShort)},
    {"full", static_cast<std::uint64_t>(Backtrace::kFull)},
};

}  // namespace quoll::bootargs
