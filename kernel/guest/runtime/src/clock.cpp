// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/runtime/clock.hpp>

namespace quoll::runtime {
namespace {

__extension__ using Wide = unsigned __int128;

// SAFETY: the page is shared with the kernel, which writes it while we read: every field is read
// once and as it stands in memory.
template <typename T>
T read_field(const T& field) {
  return *static_cast<const volatile T*>(&field);
}

}  // namespace

TimeScale TimeScale::read(const abi::TimePage& page) {
  for (;;) {
    const std::uint32_t before = read_field(page.sequence);
    std::atomic_thread_fence(std::memory_order_acquire);
    const TimeScale scale{.boot_ticks = read_field(page.boot_ticks),
                          .multiplier = read_field(page.multiplier),
                          .shift = read_field(page.shift),
                          .timebase_hz = read_field(page.timebase_hz),
                          .realtime_offset_ns = read_field(page.realtime_offset_ns)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && before == read_field(page.sequence)) return scale;
  }
}

std::uint64_t TimeScale::nanoseconds(std::uint64_t ticks) const {
  if (ticks < boot_ticks) return 0;
  const Wide product = Wide{ticks - boot_ticks} * multiplier;
  const auto low = static_cast<std::uint64_t>(product);
  const auto high = static_cast<std::uint64_t>(product >> 64);
  // By halves: a shift of 128 bits by a variable would be a call into a library that we lack.
  if (shift >= 64) return high >> (shift % 64);
  return shift == 0 ? low : (low >> shift) | (high << (64 - shift));
}

std::uint64_t TimeScale::resolution_ns() const {
  constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
  if (timebase_hz == 0) return 1;
  return std::max<std::uint64_t>(kNanosecondsPerSecond / timebase_hz, 1);
}

}  // namespace quoll::runtime
