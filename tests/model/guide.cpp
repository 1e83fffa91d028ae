// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "guide.hpp"

#include <algorithm>

namespace quoll::model {

Drawer::Drawer(const SystemInfo& system, std::uint64_t seed) : system_(system), random_(seed) {
  for (const Kind& kind : system.kinds) total_weight_ += kind.weight;
}

Operation Drawer::draw() {
  std::uint64_t pick = below(total_weight_);
  std::uint32_t kind = 0;
  while (pick >= system_.kinds[kind].weight) pick -= system_.kinds[kind++].weight;
  return draw(kind);
}

Operation Drawer::draw(std::uint32_t kind) {
  Operation operation;
  operation.kind = kind;
  operation.hart = static_cast<std::uint32_t>(below(64));
  const std::uint64_t scarcity = random_();
  const std::uint32_t one_in = system_.kinds[kind].scarce_one_in;
  if (one_in != 0 && scarcity % one_in == 0) {
    const std::uint64_t amounts = scarcity / one_in;
    // Often nothing at all: most operations have few sites, and those come early.
    const auto few = [](std::uint64_t n) {
      return static_cast<std::uint32_t>(n % 4 != 3 ? 0 : n / 4 % 4);
    };
    if (amounts % 6 != 0) operation.frames = few(amounts / 6);
    if (amounts % 6 != 1) operation.objects = few(amounts / 96);
  }
  for (std::uint64_t& operand : operation.operands) operand = random_();
  return operation;
}

void Guide::begin_run(std::uint64_t own_steps, std::uint64_t all_steps) {
  own_steps_ = own_steps;
  all_steps_ = all_steps;
}

bool Guide::is_rare(std::size_t kind, std::size_t outcome) const {
  // Below 0.14 % of the steps in all modes, were they as far as this one.
  return counters_.outcomes[kind][outcome] * 10'000 * own_steps_ <
         14 * counters_.steps * all_steps_;
}

Operation Guide::draw_rare(const SystemInfo& system, Drawer& drawer) {
  std::uint64_t rare = 0;
  for (std::size_t kind = 0; kind < system.kinds.size(); ++kind) {
    for (std::size_t o = 0; o < system.kinds[kind].outcomes.size(); ++o) rare += is_rare(kind, o);
  }
  if (rare == 0) return drawer.draw();
  std::uint64_t pick = drawer.below(rare);
  for (std::uint32_t kind = 0; kind < system.kinds.size(); ++kind) {
    for (std::size_t o = 0; o < system.kinds[kind].outcomes.size(); ++o) {
      if (!is_rare(kind, o) || pick-- != 0) continue;
      const Operation fresh = drawer.draw(kind);
      const Examples& examples = examples_[kind][o];
      if (examples.count == 0 || drawer.below(4) == 0) return fresh;
      Operation operation =
          examples.operations[drawer.below(std::min(examples.count, Examples::kMost))];
      operation.hart = fresh.hart;
      is_repeated_ = drawer.below(2) == 0;
      if (!is_repeated_) {
        const std::size_t k = drawer.below(operation.operands.size());
        operation.operands[k] = fresh.operands[k];
      }
      return operation;
    }
  }
  return drawer.draw();
}

const Operation& Guide::next(const SystemInfo& system, Drawer& drawer) {
  require(drawn_count_ < kMostSteps, "an episode is too long");
  is_repeated_ = false;
  // Before something happened nothing is rare.
  drawn_[drawn_count_] = drawer.below(2) == 0 ? draw_rare(system, drawer) : drawer.draw();
  return drawn_[drawn_count_++];
}

void Guide::record(const Step& step) {
  ++counters_.steps;
  counters_.changed += step.changed ? 1U : 0U;
  if (step.outcome == Step::kIdle) {
    ++counters_.idle;
    return;
  }
  const Operation& operation = drawn_[drawn_count_ - 1];
  ++counters_.outcomes[operation.kind][step.outcome];
  if (is_repeated_) return;
  Examples& examples = examples_[operation.kind][step.outcome];
  examples.operations[examples.count++ % Examples::kMost] = operation;
}

}  // namespace quoll::model
