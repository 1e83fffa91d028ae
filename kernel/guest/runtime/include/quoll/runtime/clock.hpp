// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Time from the time page.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/abi/types.hpp>

namespace quoll::runtime {

/// How ticks become nanoseconds, copied out of the time page in one consistent state.
struct TimeScale {
  std::uint64_t boot_ticks;
  std::uint64_t multiplier;
  std::uint32_t shift;
  std::uint64_t timebase_hz;
  std::uint64_t realtime_offset_ns;

  /// Reads the page; starts again whenever the kernel was just writing it.
  static TimeScale read(const abi::TimePage& page);

  /// Nanoseconds since boot at the counter value `ticks`.
  std::uint64_t nanoseconds(std::uint64_t ticks) const;
  /// The length of one tick, in nanoseconds, at least 1.
  std::uint64_t resolution_ns() const;
};

}  // namespace quoll::runtime
