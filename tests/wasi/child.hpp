// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Running another program and keeping what it prints.
#pragma once

#include <string>
#include <vector>

namespace quoll::wasi::testing {

struct Finished {
  int status = -1;  ///< as a shell has it: 128 and the signal's number after a signal
  std::string output;
  std::string errors;
};

/// Runs `words` with `input` on its standard input, which ends behind it.
Finished run_child(const std::vector<std::string>& words, const std::string& input = {});

}  // namespace quoll::wasi::testing
