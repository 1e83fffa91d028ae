// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "statistics.hpp"

#include <cstdio>
#include <string>

#include "system.hpp"

namespace quoll::model {
namespace {

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

bool report(std::span<const Ran> ran, bool verbose) {
  std::uint64_t steps = 0;
  std::uint64_t changed = 0;
  for (const Ran& one : ran) {
    for (const Counters& mode : one.counters->modes) {
      steps += mode.steps;
      changed += mode.changed;
    }
  }
  bool enough = true;
  std::uint64_t rarest = UINT64_MAX;
  std::size_t combinations = 0;
  for (const Ran& one : ran) {
    const SystemInfo& system = *one.system;
    std::uint64_t own_steps = 0;
    std::uint64_t own_changed = 0;
    std::uint64_t idle = 0;
    for (const Counters& mode : one.counters->modes) {
      own_steps += mode.steps;
      own_changed += mode.changed;
      idle += mode.idle;
    }
    std::printf("%.*s: %llu steps, %.1f %% changed state, %.1f %% found nothing to do\n",
                static_cast<int>(system.name.size()), system.name.data(),
                static_cast<unsigned long long>(own_steps), percent(own_changed, own_steps),
                percent(idle, own_steps));
    for (std::size_t kind = 0; kind < system.kinds.size(); ++kind) {
      for (std::size_t outcome = 0; outcome < system.kinds[kind].outcomes.size(); ++outcome) {
        std::string line;
        bool rare = false;
        for (std::size_t mode = 0; mode < system.modes.size(); ++mode) {
          if ((one.modes >> mode & 1) == 0) continue;
          const std::uint64_t count = one.counters->modes[mode].outcomes[kind][outcome];
          ++combinations;
          rarest = count < rarest ? count : rarest;
          rare |= count * 1000 < steps;
          std::array<char, 64> text{};
          std::snprintf(text.data(), text.size(), "  %7.3f %%", percent(count, steps));
          line += text.data();
        }
        if (!verbose && !rare) continue;
        const std::string name = std::string(system.kinds[kind].name) + ": " +
                                 std::string(system.kinds[kind].outcomes[outcome]);
        std::printf("  %-44s%s%s\n", name.c_str(), line.c_str(), rare ? "  TOO RARE" : "");
        enough &= !rare;
      }
    }
  }
  std::printf(
      "all: %llu steps, %.1f %% changed state; of %zu operations x modes x outcomes the "
      "rarest made up %.3f %%\n",
      static_cast<unsigned long long>(steps), percent(changed, steps), combinations,
      percent(rarest, steps));
  if (changed * 10 < steps * 3) {
    std::printf("TOO FEW steps changed state: at least 30 %% must\n");
    enough = false;
  }
  return enough;
}

}  // namespace quoll::model
