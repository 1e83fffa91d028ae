// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "injection.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace quoll::model {
namespace {

constexpr std::uint32_t kMostSitesOfAnOperation = 24;

bool ran_out(const SystemInfo& system, const Operation& operation, const Step& step) {
  return step.outcome != Step::kIdle &&
         system.kinds[operation.kind].outcomes[step.outcome] == "out of memory";
}

// All of it in one child, which tells in shared memory what it is at; a child for each site would
// cost more than the site.
struct Place {
  std::size_t operation = 0;
  Operation failing;
  std::size_t sites = 0;
  std::size_t went_on = 0;
};

/// Runs up to one operation with less and less of a resource missing, and on from there.
void fail_in_turn(const SystemInfo& system, const Sequence& sequence, std::size_t i,
                  std::uint32_t Operation::* resource, const Injection& injection,
                  Progress& progress, Place& place) {
  const auto end = sequence.operations.begin() + static_cast<std::ptrdiff_t>(i) + 1;
  Sequence until{sequence.setting, {sequence.operations.begin(), end}};
  Operation& last = until.operations.back();
  std::vector<Step> steps;
  for (std::uint32_t room = 0; room < kMostSitesOfAnOperation; ++room) {
    last.*resource = room;
    place.operation = i;
    place.failing = last;
    run(system, until, progress, {.compare_from = i, .steps = &steps});
    if (!ran_out(system, last, steps[i])) return;
    const std::size_t site = place.sites++;
    if (site >= injection.first && site % injection.stride != 0) continue;
    Sequence whole = sequence;
    whole.operations[i] = last;
    run(system, whole, progress, {.compare_from = i, .steps = &steps});
    ++place.went_on;
  }
}

}  // namespace

Injected inject(const SystemInfo& system, const Setting& setting, const Injection& injection) {
  Injected out;
  Sequence sequence{setting, draw(system, setting.seed, injection.steps)};
  // Scarcity comes from here alone.
  for (Operation& operation : sequence.operations) operation.frames = operation.objects = kPlenty;

  static Place* const place = shared_memory<Place>();
  *place = Place();
  out.verdict = in_child(900, Leaks::kChecked, [&](Progress& progress) {
    std::vector<Step> plenty;
    run(system, sequence, progress, {.steps = &plenty});
    for (std::size_t i = 0; i < sequence.operations.size(); ++i) {
      // What runs out by itself would do so with any allowance.
      if (ran_out(system, sequence.operations[i], plenty[i])) continue;
      if (system.kinds[sequence.operations[i].kind].scarce_one_in == 0) continue;
      for (const auto resource : {&Operation::frames, &Operation::objects}) {
        fail_in_turn(system, sequence, i, resource, injection, progress, *place);
      }
    }
  });
  out.sites = place->sites;
  out.went_on = place->went_on;
  out.passed = out.verdict.passed;
  if (!out.passed) {
    if (place->sites + place->operation != 0) {
      sequence.operations[place->operation] = place->failing;
    }
    out.sequence = std::move(sequence);
  }
  return out;
}

}  // namespace quoll::model
