// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Makes sequences from seeds and runs them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "guide.hpp"
#include "statistics.hpp"
#include "system.hpp"

namespace quoll::model {

std::span<const SystemInfo* const> all_systems();
/// Null when there is none of that name.
const SystemInfo* find_system(std::string_view name);

/// The operations that a seed gives, the same on every machine, drawn by weight alone.
std::vector<Operation> draw(const SystemInfo& system, std::uint64_t seed, std::size_t count);

/// A seed made of others.
std::uint64_t mix(std::uint64_t seed, std::uint64_t with);

/// What a run compares and records.
struct Watch {
  std::size_t compare_from = 0;        ///< comparing after each step from there on
  std::vector<Step>* steps = nullptr;  ///< what came of each operation
};

/// Runs a sequence on a fresh system and ends that. `progress.step` is always the step that is
/// being made. Throws `Mismatch`.
void run(const SystemInfo& system, const Sequence& sequence, Progress& progress,
         const Watch& watch = {});

/// Runs an episode of as many operations, which the guide draws one after the other from the
/// setting's seed, and keeps.
void run_guided(const SystemInfo& system, const Setting& setting, std::size_t count, Guide& guide,
                Progress& progress);

}  // namespace quoll::model
