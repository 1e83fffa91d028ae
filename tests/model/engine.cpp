// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "engine.hpp"

#include <array>
#include <random>

#include <quoll/arch/mock/machine.hpp>

namespace quoll::model {

std::span<const SystemInfo* const> all_systems() {
  static const std::array systems{&frames_system()};
  return systems;
}

const SystemInfo* find_system(std::string_view name) {
  for (const SystemInfo* system : all_systems()) {
    if (system->name == name) return system;
  }
  return nullptr;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t with) {
  std::uint64_t x = seed + 0x9e37'79b9'7f4a'7c15 * (with + 1);
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

std::vector<Operation> draw(const SystemInfo& system, std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::uint64_t total = 0;
  for (const Kind& kind : system.kinds) total += kind.weight;
  std::vector<Operation> operations(count);
  for (Operation& operation : operations) {
    std::uint64_t pick = random() % total;
    while (pick >= system.kinds[operation.kind].weight) {
      pick -= system.kinds[operation.kind++].weight;
    }
    operation.hart = static_cast<std::uint32_t>(random() % 64);
    const std::uint64_t scarcity = random();
    const std::uint32_t one_in = system.kinds[operation.kind].scarce_one_in;
    if (one_in != 0 && scarcity % one_in == 0) {
      const std::uint64_t amounts = scarcity / one_in;
      // Often nothing at all, and one resource at a time: the sites come early.
      const auto few = [](std::uint64_t n) {
        return static_cast<std::uint32_t>(n % 2 == 0 ? 0 : n / 2 % 4);
      };
      if (amounts % 3 != 0) operation.frames = few(amounts / 3);
      if (amounts % 3 != 1) operation.objects = few(amounts / 48);
    }
    for (std::uint64_t& operand : operation.operands) operand = random();
  }
  return operations;
}

void run(const SystemInfo& system, const Sequence& sequence, Progress& progress,
         const Watch& watch) {
  if (watch.steps != nullptr) watch.steps->clear();
  const auto under_test = system.create(sequence.setting.mode, sequence.setting.harts);
  for (std::size_t i = 0; i < sequence.operations.size(); ++i) {
    progress.step = i;
    const Operation& operation = sequence.operations[i];
    const arch::mock::AsHart as(operation.hart % sequence.setting.harts);
    const Step step = under_test->apply(operation);
    require(
        step.outcome == Step::kIdle || step.outcome < system.kinds[operation.kind].outcomes.size(),
        "an outcome that is not declared");
    if (i >= watch.compare_from) under_test->compare();
    if (watch.steps != nullptr) watch.steps->push_back(step);
    if (Counters* const counters = watch.counters; counters != nullptr) {
      ++counters->steps;
      if (step.changed) ++counters->changed;
      if (step.outcome == Step::kIdle) {
        ++counters->idle;
      } else {
        ++counters->outcomes[operation.kind][step.outcome];
      }
    }
  }
  progress.step = sequence.operations.size();
  under_test->finish();
}

}  // namespace quoll::model
