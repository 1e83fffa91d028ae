// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The two tables that a run is compared with: the suite's counts, and our list of exceptions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tally.hpp"

namespace quoll::spec {

/// A script, by the name that the suite's tables have for it, and what is in it.
struct ScriptCounts {
  std::string name;
  Counts counts;
};

/// Reads a table of counts; its first row has the headings. Columns without a kind are left out,
/// and so is the row of totals.
std::vector<ScriptCounts> read_counts(std::string_view text);

/// A command that is known not to come out as its script says.
struct Exception {
  std::string set;
  std::string script;
  std::string line;  ///< in the script's source
  std::string reason;
};

/// Reads a list of exceptions. False: a row does not have four cells.
bool read_exceptions(std::string_view text, std::vector<Exception>& out);

}  // namespace quoll::spec
