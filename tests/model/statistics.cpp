// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "statistics.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "system.hpp"

namespace quoll::model {
namespace {

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print_system(const Ran& one) {
  const std::uint64_t steps = one.steps();
  std::uint64_t changed = 0;
  std::uint64_t idle = 0;
  for (const Counters& mode : one.counters) {
    changed += mode.changed;
    idle += mode.idle;
  }
  const std::string_view name = one.system->name;
  std::printf("%.*s: %llu steps, %.1f %% changed state, %.1f %% found nothing to do\n",
              static_cast<int>(name.size()), name.data(), static_cast<unsigned long long>(steps),
              percent(changed, steps), percent(idle, steps));
}

/// What was counted over all combinations of operations, modes and outcomes.
struct Combinations {
  std::size_t count = 0;
  double rarest = 100;
  bool enough = true;
};

/// Adds one outcome of one operation, in all modes that were run.
void add_outcome(const Ran& one, std::size_t kind, std::size_t outcome, bool verbose,
                 Combinations& all) {
  const std::uint64_t steps = one.steps();
  std::string line;
  bool rare = false;
  for (std::size_t mode = 0; mode < one.system->modes.size(); ++mode) {
    if ((one.modes >> mode & 1) == 0) continue;
    const std::uint64_t count = one.counters[mode].outcomes[kind][outcome];
    ++all.count;
    all.rarest = std::min(all.rarest, percent(count, steps));
    rare |= count * 1000 < steps;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "  %7.3f %%", percent(count, steps));
    line += text.data();
  }
  all.enough &= !rare;
  if (!verbose && !rare) return;
  const Kind& of = one.system->kinds[kind];
  const std::string name = std::string(of.name) + ": " + std::string(of.outcomes[outcome]);
  std::printf("  %-44s%s%s\n", name.c_str(), line.c_str(), rare ? "  TOO RARE" : "");
}

}  // namespace

bool report(std::span<const Ran> ran, bool verbose) {
  Combinations all;
  std::uint64_t steps = 0;
  std::uint64_t changed = 0;
  for (const Ran& one : ran) {
    steps += one.steps();
    for (const Counters& mode : one.counters) changed += mode.changed;
  }
  for (const Ran& one : ran) {
    print_system(one);
    for (std::size_t kind = 0; kind < one.system->kinds.size(); ++kind) {
      for (std::size_t o = 0; o < one.system->kinds[kind].outcomes.size(); ++o) {
        add_outcome(one, kind, o, verbose, all);
      }
    }
  }
  std::printf(
      "all: %llu steps, %.1f %% changed state; of %zu operations x modes x outcomes the "
      "rarest made up %.3f %% of its system's steps\n",
      static_cast<unsigned long long>(steps), percent(changed, steps), all.count, all.rarest);
  if (changed * 10 < steps * 3) {
    std::printf("TOO FEW steps changed state: at least 30 %% must\n");
    all.enough = false;
  }
  return all.enough;
}

}  // namespace quoll::model
