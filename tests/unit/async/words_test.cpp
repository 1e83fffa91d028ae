// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The words that harts share, on the workstation's own harts: what the models of `tests/races` take
// for granted, for they have words of their own.
#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include <quoll/async/detail/words.hpp>

namespace quoll::async {
namespace {

constexpr int kRounds = 100'000;

/// One of two threads that meet in each round, write each its own word, and look at the other's.
struct Side {
  alignas(64) std::atomic<int> round{0};
  alignas(64) std::atomic<int> written{0};
  std::vector<int> seen = std::vector<int>(kRounds + 1);

  void run(Side& other, int turns) {
    for (int now = 1; now <= kRounds; ++now) {
      round.store(now, std::memory_order_release);
      // It is there soon, unless it has no processor. Who gives way too early meets it on the same.
      for (int looks = 1; other.round.load(std::memory_order_acquire) < now; ++looks) {
        if (looks % 50'000 == 0) std::this_thread::yield();
      }
      // So that now one of them is first, now the other.
      for (std::atomic<int> turn = 0; turn < now % turns; ++turn) {
      }
      written.store(now, std::memory_order_relaxed);
      detail::fence_all();
      seen[static_cast<std::size_t>(now)] = other.written.load(std::memory_order_relaxed);
    }
  }
};

TEST(Words, OneOfTwoThatWriteFenceAndLookSeesTheOther) {
  std::array<Side, 2> sides;
  std::thread second([&sides] { sides[1].run(sides[0], 199); });
  sides[0].run(sides[1], 211);
  second.join();
  for (std::size_t round = 1; round <= kRounds; ++round) {
    const int now = static_cast<int>(round);
    ASSERT_TRUE(sides[0].seen[round] >= now || sides[1].seen[round] >= now) << "round " << round;
  }
}

}  // namespace
}  // namespace quoll::async
