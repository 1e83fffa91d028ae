// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The tests that run now: for failures that are found by anyone anywhere, and for time limits on a
// hart that a test holds, where a task cannot say that time is up and an interrupt can.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/async/timer.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::tests {

/// The most tests that run at once.
inline constexpr unsigned kMostAtOnce = 16;

/// One place for a running test. Places stay, tests come and go, so that anybody may look.
struct Place {
  std::atomic<const Test*> test{nullptr};
  std::atomic<std::uint64_t> task{0};              ///< the test's own
  std::atomic<async::Ticks> limit{async::kNever};  ///< when its time is over
  std::atomic<unsigned> failures{0};
};

/// Takes a free place, until `leave`. *Requires*: fewer than `kMostAtOnce` are taken.
Place& enter(const Test& test) noexcept;
/// From here on nothing is this test's failure, and no interrupt minds its time.
void leave(Place& place) noexcept;

/// The calling task is the test, and its hart will look at the clock. *Context*: task.
void begin(Place& place) noexcept;

/// Counts a failure of the test whose task this is; of all that run, when it is none of theirs.
void count_failure() noexcept;

}  // namespace quoll::tests
