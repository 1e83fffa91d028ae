// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "engine.hpp"

#include <array>
#include <vector>

#include <quoll/arch/mock/machine.hpp>

namespace quoll::model {

std::span<const SystemInfo* const> all_systems() {
  static const std::array systems{&frames_system(), &cursors_system(), &spaces_system(),
                                  &objects_system()};
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
  Drawer drawer(system, seed);
  std::vector<Operation> operations(count);
  for (Operation& operation : operations) operation = drawer.draw();
  return operations;
}

namespace {

Step apply(const SystemInfo& system, System& under_test, const Setting& setting,
           const Operation& operation) {
  const arch::mock::AsHart as(operation.hart % setting.harts);
  const Step step = under_test.apply(operation);
  require(
      step.outcome == Step::kIdle || step.outcome < system.kinds[operation.kind].outcomes.size(),
      "an outcome that is not declared");
  return step;
}

}  // namespace

void run(const SystemInfo& system, const Sequence& sequence, Progress& progress,
         const Watch& watch) {
  if (watch.steps != nullptr) watch.steps->clear();
  const auto under_test = system.create(sequence.setting.mode, sequence.setting.harts);
  for (std::size_t i = 0; i < sequence.operations.size(); ++i) {
    progress.step = i;
    const Operation& operation = sequence.operations[i];
    const Step step = apply(system, *under_test, sequence.setting, operation);
    if (i >= watch.compare_from) {
      const arch::mock::AsHart as(operation.hart % sequence.setting.harts);
      under_test->compare();
    }
    if (watch.steps != nullptr) watch.steps->push_back(step);
  }
  progress.step = sequence.operations.size();
  under_test->finish();
}

void run_guided(const SystemInfo& system, const Setting& setting, std::size_t count, Guide& guide,
                Progress& progress) {
  Drawer drawer(system, setting.seed);
  guide.begin_episode();
  const auto under_test = system.create(setting.mode, setting.harts);
  for (std::size_t i = 0; i < count; ++i) {
    progress.step = i;
    const Operation& operation = guide.next(system, drawer);
    const Step step = apply(system, *under_test, setting, operation);
    const arch::mock::AsHart as(operation.hart % setting.harts);
    under_test->compare();
    guide.record(step);
  }
  progress.step = count;
  under_test->finish();
}

}  // namespace quoll::model
