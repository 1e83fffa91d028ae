// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Failure injection: every allocation of a sequence fails in turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "child.hpp"

namespace quoll::model {

/// Every site fails, with the system compared then and once more when it ends. The sequence goes
/// on after the failure, compared at each step, for a sample of them.
struct Injection {
  std::size_t first = 200;  ///< so many from the start
  std::size_t stride = 13;  ///< and then each of so many; 1: all
  std::size_t steps = 300;  ///< length of the sequence
};

struct Injected {
  std::size_t sites = 0;    ///< that were made to fail
  std::size_t went_on = 0;  ///< after so many of them the sequence went on
  /// Set when something went wrong.
  bool passed = true;
  Sequence sequence;
  Verdict verdict;
};

/// Goes through one sequence: each operation is run again and again with room for no, one, two...
/// allocations, of frames and then of objects, until it does not run out. Whenever it does, the
/// system has to equal the model at once and after each step that follows.
Injected inject(const SystemInfo& system, const Setting& setting, const Injection& injection);

}  // namespace quoll::model
