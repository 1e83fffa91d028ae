// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Runner: runs one script, counts its commands, and holds both against the tables.
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

/// Runs the script `counts.name` of the set, which `files` hands out. Every command has to come
/// out as the script says unless it is listed; a listed one must not; and there have to be as many
/// commands of each kind as the suite's table says. What is not so is reported and counted.
Tally run_script(const Set& set, const ScriptCounts& counts, std::span<const Exception> exceptions,
                 const Files& files, const Report& report);

/// A tally in words.
std::string describe(const Tally& tally);

}  // namespace quoll::spec
