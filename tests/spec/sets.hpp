// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sets: which scripts of the suite are run together, and with which features. They are listed in
// sets.tsv, which is read wherever the suite is run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <quoll/wasm/features.hpp>

namespace quoll::spec {

struct Set {
  std::string name;
  /// Scripts, or folders of them; none: all.
  std::vector<std::string> members;
  /// How many assertions there are, as the suite's description has it: whoever changes the tables
  /// of counts has to change this too.
  unsigned assertions = 0;
  wasm::Features features = wasm::Features::all();
};

/// Reads the list of sets. False: a row does not have four cells, or names no features.
bool read_sets(std::string_view text, std::vector<Set>& out);

/// Whether a script belongs to the set.
bool contains(const Set& set, std::string_view script);

}  // namespace quoll::spec
