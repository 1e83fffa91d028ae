// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Plan: what is to be run, put together from the tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sets.hpp"
#include "tables.hpp"

namespace quoll::spec {

/// The tables' texts.
struct Tables {
  std::string_view counts;
  std::string_view sets;
  std::string_view exceptions;
};

struct Plan {
  Set set;
  std::vector<ScriptCounts> scripts;
  std::vector<Exception> exceptions;
};

/// Plans to run those scripts of the table of counts that the set of that name contains, or of them
/// the ones that are named in `only`, if any are. Returns why that is impossible, or nothing.
std::string make_plan(const Tables& tables, std::string_view set,
                      const std::vector<std::string>& only, Plan& out);

}  // namespace quoll::spec
