// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Runner: runs scripts, counts their commands, and holds both against the tables.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "script.hpp"
#include "sets.hpp"
#include "tables.hpp"
#include "tally.hpp"

namespace quoll::spec {

/// Receives a report, line by line.
using Report = std::function<void(const std::string& line)>;

/// What a run is made of; all of it outlives the run.
struct Run {
  const Set& set;
  std::span<const Exception> exceptions;
  /// The set says which features are on.
  const wasm::EngineConfig& engine;
  const Files& files;
  const Report& report;
};

/// Runs the script `counts.name`. Every command has to come out as the script says unless it is
/// listed; a listed one must not; and there have to be as many commands of each kind as the suite's
/// table says. What is not so is reported and counted.
Tally run_script(const Run& run, const ScriptCounts& counts);

/// Runs them all, reports a line for each and one for their total, and returns the latter.
Tally run_scripts(const Run& run, std::span<const ScriptCounts> scripts);

/// A tally in words.
std::string describe(const Tally& tally);

}  // namespace quoll::spec
