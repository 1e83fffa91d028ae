// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sets: which scripts of the suite are run together, and with which features.
#pragma once

#include <span>
#include <string_view>

#include <quoll/wasm/features.hpp>

namespace quoll::spec {

struct Set {
  std::string_view name;
  /// Scripts, or folders of them; none: all.
  std::span<const std::string_view> members;
  /// Scripts, or folders of them, that are left out.
  std::span<const std::string_view> left_out;
  /// How many assertions there are, as the suite's description has it: whoever changes the tables
  /// of counts has to change this too.
  unsigned assertions = 0;
  wasm::Features features = wasm::Features::all();
};

/// The set of that name; null if there is none.
const Set* find_set(std::string_view name);

/// Whether a script belongs to the set.
bool contains(const Set& set, std::string_view script);

}  // namespace quoll::spec
