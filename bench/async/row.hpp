// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One program for each library under comparison: `program ROW WARM COUNT` does the row's operation
// COUNT times and prints how many nanoseconds that took.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace quoll::bench {

using Clock = std::chrono::steady_clock;

/// How many tasks are spawned before the first is joined, and how many yield in turns.
inline constexpr std::size_t kSpawnedAtOnce = 256;
inline constexpr std::size_t kYielding = 8;
/// How many values a channel of the throughput rows holds.
inline constexpr std::size_t kChannelCapacity = 64;
/// How many timers there are beside the one that is set and cancelled.
inline constexpr std::size_t kTimersBeside = 1000;
/// Timers begin that many seconds from now; those beside lie so many nanoseconds apart, and so do
/// the deadlines that are set in turn.
inline constexpr unsigned kSecondsToTimers = 10;
inline constexpr std::uint64_t kTimerDistance = 1'000'300;
inline constexpr std::size_t kDeadlines = 4096;
inline constexpr std::uint64_t kDeadlineDistance = 250'700;

/// Nanoseconds between the outer moments of what was measured.
class Stretch {
 public:
  void begin() noexcept { begin_ = Clock::now(); }
  void end() noexcept { end_ = Clock::now(); }
  long long nanoseconds() const noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(end_ - begin_).count();
  }

 private:
  Clock::time_point begin_;
  Clock::time_point end_;
};

/// A row as one library does it.
struct Row {
  const char* name;
  /// Does it `count` times; the time that this took.
  Stretch (*run)(std::size_t count);
};

/// The program's body: without words it lists its rows; else it does one `WARM` times, and then
/// what is measured.
inline int run_row(std::span<const Row> rows, int words, char** word) {
  const Row* row = nullptr;
  for (const Row& each : rows) {
    if (words == 1) std::printf("%s\n", each.name);
    if (words == 4 && std::strcmp(each.name, word[1]) == 0) row = &each;
  }
  if (words == 1) return 0;
  const std::size_t warm = words == 4 ? std::strtoul(word[2], nullptr, 10) : 0;
  const std::size_t count = words == 4 ? std::strtoul(word[3], nullptr, 10) : 0;
  if (row == nullptr || count == 0) {
    std::fprintf(stderr, "usage: %s [ROW WARM COUNT]\n", word[0]);
    return 2;
  }
  if (warm != 0) row->run(warm);
  std::printf("%lld\n", row->run(count).nanoseconds());
  return 0;
}

}  // namespace quoll::bench
