// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A router over the model of a controller, for a few harts whose contexts are every other one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include <quoll/kernel/irq/router.hpp>

#include "plic_model.hpp"

namespace quoll::irq {

/// Threads have no interrupts.
struct NoInterrupts {
  using State = bool;
  static State save_and_disable() noexcept { return true; }
  static void restore(State) noexcept {}
  static void relax() noexcept {}
};

/// What is told of interrupts.
struct Driver {
  std::atomic<unsigned> told{0};
  void set() noexcept { told.fetch_add(1); }
};

using ModelRouter = Router<ModelWindow, NoInterrupts, Driver>;

struct Machine {
  static constexpr unsigned kHarts = 3;

  Machine() {
    for (unsigned hart = 0; hart < kHarts; ++hart) {
      router.set_context(hart, context_of(hart), counts.at(hart));
    }
    for (unsigned hart = 0; hart < kHarts; ++hart) router.open(hart);
  }
  static constexpr std::uint32_t context_of(unsigned hart) { return 2 * hart + 1; }

  bool interrupts(unsigned hart) { return plic.interrupts(context_of(hart)); }
  /// Serves a hart, if it is interrupted.
  void serve(unsigned hart) {
    if (!interrupts(hart)) return;
    router.serve(
        hart, [this](std::uint32_t source) { claims.push_back(source); },
        [this](std::uint32_t source) { strays.push_back(source); });
  }
  void serve_all() {
    for (unsigned hart = 0; hart < kHarts; ++hart) serve(hart);
  }
  unsigned home(std::uint32_t source) { return router.info(source)->hart.value_or(~0U); }

  PlicModel plic;
  std::array<ModelRouter::Source, PlicModel::kSources + 1> sources{};
  std::array<std::array<std::atomic<std::uint64_t>, PlicModel::kSources + 1>, kHarts> counts{};
  ModelRouter router{ModelRouter::Plic(ModelWindow(plic), PlicModel::kSources), sources};
  std::vector<std::uint32_t> claims;
  std::vector<std::uint32_t> strays;
};

}  // namespace quoll::irq
