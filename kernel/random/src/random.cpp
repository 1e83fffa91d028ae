// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>

#include <quoll/arch/clock.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/random/generator.hpp>
#include <quoll/sync/protected.hpp>

#include "log_target.hpp"

namespace quoll::random {
namespace {

constinit sync::Protected<Generator, sync::SpinLock<sync::LockRank::kRandom>> generator;

/// Long requests are cut up, so that nobody waits long for the lock.
constexpr std::size_t kChunk = 1024;

}  // namespace

void start(std::span<const std::uint8_t> seed) noexcept {
  const std::array<std::uint64_t, 2> counters{arch::read_time(), arch::read_instructions()};
  generator.with([&](Generator& g) {
    g.add_seed(seed);
    if (!g.is_seeded()) log::warn(kTarget, "the firmware gave no seed; random numbers are weak");
    // SAFETY: the bytes of two integers.
    g.add_seed({reinterpret_cast<const std::uint8_t*>(counters.data()), sizeof counters});
  });
}

void fill(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    const auto part = out.first(std::min(out.size(), kChunk));
    generator.with([part](Generator& g) { g.fill(part); });
    out = out.subspan(part.size());
  }
}

}  // namespace quoll::random
