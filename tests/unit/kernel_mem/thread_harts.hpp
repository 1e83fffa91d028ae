// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that play harts, for the programs that ThreadSanitizer watches.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <quoll/arch/mock/machine.hpp>

namespace quoll::test {

/// Ends the program when something does not hold.
inline void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::abort();
}

/// Runs `work(hart)` on harts from `first` to before `end` at once, and waits for all.
template <typename Work>
void on_harts(unsigned first, unsigned end, const Work& work) {
  std::vector<std::thread> harts;
  for (unsigned hart = first; hart < end; ++hart) {
    harts.emplace_back([&work, hart] {
      const arch::mock::AsHart as(hart);
      work(hart);
    });
  }
  for (std::thread& hart : harts) hart.join();
}

}  // namespace quoll::test
