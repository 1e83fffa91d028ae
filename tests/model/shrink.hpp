// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Makes a failing sequence small: delta debugging over its operations, then over the numbers in
// each of them.
#pragma once

#include "child.hpp"

namespace quoll::model {

struct Shrunk {
  Sequence sequence;
  Verdict verdict;
  std::size_t runs = 0;
};

/// *Requires*: the sequence fails with `verdict`. The result fails with the same defect.
Shrunk shrink(const SystemInfo& system, Sequence sequence, Verdict verdict, std::size_t most_runs);

}  // namespace quoll::model
