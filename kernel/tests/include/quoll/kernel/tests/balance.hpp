// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is in use before a test and after it: frames, heap and tasks.
//
//     const Balance before = (co_await balance_at_rest().checked()).value();
//     …
//     EXPECT_BALANCED(before);
//
// Both are taken by a task, because what has ended leaves a moment later: a task wakes whoever
// joins it and counts itself out after that, on its own hart.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/async/task.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::tests {

/// What is in use, without what the allocators keep for themselves.
struct Balance {
  std::uint64_t frames = 0;
  std::uint64_t heap_bytes = 0;
  std::uint64_t heap_objects = 0;
  std::size_t tasks = 0;

  /// *Context*: task; returns the heap's empty slabs.
  static Balance now() noexcept;
  bool operator==(const Balance&) const = default;
  /// Nothing is more than in `other`.
  bool within(const Balance& other) const noexcept;
};

/// The figures once they have stood still for a while: what went before is out of the way.
async::Task<Balance> balance_at_rest();

/// The figures as soon as nothing is more than in `before`, else those after a second. Fewer are no
/// fault of this test: a leftover that `before` still counted has gone. One time at which nothing
/// is more is enough, since others hold memory for a moment (a log line on its way out).
async::Task<Balance> balance_again(Balance before);

}  // namespace quoll::tests

/// In a test that is a coroutine: no more is in use than in `before`, at the latest when what has
/// ended is out of the way.
#define EXPECT_BALANCED(before)                                                        \
  do {                                                                                 \
    const auto quoll_again = co_await ::quoll::tests::balance_again(before).checked(); \
    EXPECT_TRUE(quoll_again.has_value());                                              \
    if (!quoll_again) break;                                                           \
    EXPECT_LE(quoll_again->frames, (before).frames);                                   \
    EXPECT_LE(quoll_again->heap_bytes, (before).heap_bytes);                           \
    EXPECT_LE(quoll_again->heap_objects, (before).heap_objects);                       \
    EXPECT_LE(quoll_again->tasks, (before).tasks);                                     \
  } while (false)
