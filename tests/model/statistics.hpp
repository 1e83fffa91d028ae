// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a run did: how often each operation had each outcome, and how often the state changed. The
// counters lie in memory that child processes share.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace quoll::model {

struct SystemInfo;

/// Where a run is, for whoever finds out that it died.
struct Progress {
  volatile std::uint64_t episode = 0;
  volatile std::uint64_t step = 0;
};

/// Counts of one system in one mode.
struct Counters {
  static constexpr std::size_t kKinds = 32;
  static constexpr std::size_t kOutcomes = 16;

  std::uint64_t steps = 0;
  std::uint64_t changed = 0;
  std::uint64_t idle = 0;
  std::array<std::array<std::uint64_t, kOutcomes>, kKinds> outcomes{};
};

/// What was run: a system with the modes of it, as a bit set of positions in its list.
struct Ran {
  const SystemInfo* system = nullptr;
  unsigned modes = 0;
  std::array<Counters, 3> counters{};

  std::uint64_t steps() const {
    std::uint64_t sum = 0;
    for (const Counters& mode : counters) sum += mode.steps;
    return sum;
  }
};

/// Prints the statistics. The result says whether they reach what a run must: 30 % of all steps
/// change state, and each outcome of each operation in each mode makes up 0.1 % of its system's.
bool report(std::span<const Ran> ran, bool verbose);

}  // namespace quoll::model
