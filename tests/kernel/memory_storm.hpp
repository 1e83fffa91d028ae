// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What storms over memory share: chance with a seed that is printed, and free memory that must be
// the same afterwards.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>

namespace quoll::vm::storms {

/// A generator for each worker.
struct Chance {
  std::uint64_t state;
  std::uint64_t next() noexcept {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
  }
  std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }
};

/// A new seed, printed so that a failure's is known.
inline std::uint64_t printed_seed() noexcept {
  std::uint64_t seed = 0;
  random::fill(std::as_writable_bytes(std::span(&seed, 1)));
  std::array<char, 48> line;
  const std::size_t size = log::format_to(std::span<char>(line), "storm: seed {:#x}\n", seed);
  tracing::write(std::string_view(line.data(), size));
  return seed;
}

/// Free memory when nobody works: to the frame, to the heap's byte, to the largest block.
struct FreeMemory {
  std::uint64_t available = 0;
  std::uint64_t largest = 0;
  std::uint64_t heap_bytes = 0;

  static FreeMemory now() noexcept {
    heap().trim();
    frames().drain_caches();
    const MemoryStatistics all = statistics();
    return {all.frames.available(), all.frames.largest_free_run, all.heap.used_bytes};
  }
  bool operator==(const FreeMemory&) const = default;
};

inline async::Task<FreeMemory> watch_free_memory(std::optional<FreeMemory> before) {
  const exec::Ticks limit = exec::now() + exec::ticks_per_second() / (before ? 1 : 50);
  FreeMemory found = FreeMemory::now();
  while (found != before && exec::now() < limit) {
    (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000);
    found = FreeMemory::now();
  }
  co_return found;
}

/// Free memory now; with `before`, as soon as it is that again, or after a second. One coroutine
/// for both: its own memory counts in both alike, if it does not come from a page that a cache
/// alone has kept.
inline async::Task<FreeMemory> free_memory(std::optional<FreeMemory> before) {
  heap().trim();
  return watch_free_memory(before);
}

inline void expect_equal(const FreeMemory& after, const FreeMemory& before) {
  EXPECT_EQ(after.available, before.available);
  EXPECT_EQ(after.largest, before.largest);
  EXPECT_EQ(after.heap_bytes, before.heap_bytes);
  const FrameStatistics frames_now = statistics().frames;
  EXPECT_EQ(frames_now.free + frames_now.cached + frames_now.allocated, frames_now.managed);
}

/// Runs `work(i)` as so many tasks at once, and adds up what they return.
template <typename Work>
async::Task<std::uint64_t> run_workers(unsigned count, Work work) {
  constexpr unsigned kMost = 32;
  std::array<async::JoinHandle<std::uint64_t>, kMost> workers;
  std::uint64_t sum = 0;
  unsigned hired = 0;
  for (; hired < count && hired < kMost; ++hired) {
    auto spawned = exec::spawn(work(hired), "storm");
    EXPECT_TRUE(spawned.has_value());
    if (!spawned) break;
    workers[hired] = std::move(*spawned);
  }
  for (unsigned i = 0; i < hired; ++i) {
    const auto result = co_await workers[i].join();
    EXPECT_TRUE(result.has_value());
    if (result) sum += *result;
  }
  co_return sum;
}

inline async::Task<std::uint64_t> leave(exec::Ticks until) {
  while (exec::now() < until) {
    kernel_space().activate();
    co_await exec::yield_now();
  }
  co_return 0;
}

/// Leaves the spaces that ended on each hart, so that nothing keeps their roots.
inline async::Task<std::uint64_t> leave_everywhere() {
  return run_workers(std::min(32u, 4 * arch::Harts::count() + 2),
                     [](unsigned) { return leave(exec::now() + exec::ticks_per_second() / 100); });
}

}  // namespace quoll::vm::storms
