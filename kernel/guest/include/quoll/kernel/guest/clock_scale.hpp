// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ClockScale: ticks of the time counter to nanoseconds since boot, and back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <quoll/abi/types.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/base/checked.hpp>

namespace quoll::guest {

/// The scale that the time page publishes; kernel and guests compute the same nanoseconds.
class ClockScale {
 public:
  static constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

  /// *Requires*: `timebase_hz` is not 0 and below 2^34.
  constexpr ClockScale(std::uint64_t timebase_hz, std::uint64_t boot_ticks)
      : timebase_hz_(timebase_hz), boot_ticks_(boot_ticks) {
    QUOLL_ASSERT(timebase_hz != 0 && timebase_hz < std::uint64_t{1} << 34);
    multiplier_ = (kNanosecondsPerSecond << kShift) / timebase_hz;
  }

  /// Nanoseconds since boot at counter value `ticks`; 0 before boot.
  constexpr std::uint64_t to_nanoseconds(std::uint64_t ticks) const noexcept {
    if (ticks < boot_ticks_) return 0;
    return static_cast<std::uint64_t>((Wide{ticks - boot_ticks_} * multiplier_) >> kShift);
  }

  /// The first counter value that is not before `nanoseconds` since boot; the counter's last one
  /// when that lies beyond.
  constexpr std::uint64_t to_ticks(std::uint64_t nanoseconds) const noexcept {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    // Beyond 292 years nothing is exact, and nothing needs to be.
    if (nanoseconds > kLast / 2) return kLast;
    const std::uint64_t seconds = nanoseconds / kNanosecondsPerSecond;
    const std::uint64_t rest = nanoseconds % kNanosecondsPerSecond;
    const auto whole = base::checked_mul(seconds, timebase_hz_);
    const auto ticks = whole ? base::checked_add(*whole, ticks_within_second(rest)) : std::nullopt;
    auto result = ticks ? base::checked_add(*ticks, boot_ticks_) : std::nullopt;
    if (!result) return kLast;
    // The multiplier is rounded down, so the published clock runs a trifle slow: catch up with it.
    for (std::uint64_t at = to_nanoseconds(*result); at < nanoseconds;
         at = to_nanoseconds(*result)) {
      *result += ticks_within_second(std::min(nanoseconds - at, kNanosecondsPerSecond));
    }
    return *result;
  }

  /// What the page says; `realtime_offset_ns` 0 when no clock is known.
  constexpr abi::TimePage page(std::uint64_t realtime_offset_ns) const noexcept {
    abi::TimePage page{};
    page.version = 1;
    page.boot_ticks = boot_ticks_;
    page.multiplier = multiplier_;
    page.shift = kShift;
    page.timebase_hz = timebase_hz_;
    page.realtime_offset_ns = realtime_offset_ns;
    return page;
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint32_t kShift = 32;

  // Rounded up; for at most one second, so that nothing overflows.
  constexpr std::uint64_t ticks_within_second(std::uint64_t nanoseconds) const noexcept {
    return (nanoseconds * timebase_hz_ + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond;
  }

  std::uint64_t timebase_hz_;
  std::uint64_t boot_ticks_;
  std::uint64_t multiplier_ = 0;
};

}  // namespace quoll::guest
