// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Panics that end their task and nothing else: what they leave behind is what was there before.
#include <array>
#include <atomic>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll {
namespace {

struct Living {
  explicit Living(std::atomic<int>& counter) : count(counter) { count.fetch_add(1); }
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;
  ~Living() { count.fetch_sub(1); }
  std::atomic<int>& count;
};

[[gnu::noinline]] void panic_plainly(unsigned number) {
  panic::panic("the test says {}", number);
}

async::Task<void> panicking_task(std::atomic<int>& living, unsigned number) {
  const Living here(living);
  co_await exec::yield_now();
  panic_plainly(number);
}

async::Task<int> third_level(std::atomic<int>& living) {
  const Living here(living);
  co_await exec::yield_now();
  panic_plainly(3);
  co_return 3;
}
async::Task<int> second_level(std::atomic<int>& living) {
  const Living here(living);
  const auto value = co_await third_level(living).checked();
  co_return value.value() + 1;
}
async::Task<int> first_level(std::atomic<int>& living) {
  const Living here(living);
  const auto value = co_await second_level(living).checked();
  co_return value.value() + 1;
}

KTEST_TASK(Panics, EndTheTaskAndTheJoinSaysSo) {
  std::atomic<int> living{0};
  tests::Balance before;
  for (unsigned round = 0; round < 2; ++round) {
    // The first round fills what the allocators keep.
    if (round == 1) before = (co_await tests::balance_at_rest().checked()).value();
    const std::uint64_t contained = panic::contained();
    auto handle = exec::spawn(panicking_task(living, 42), "panicking");
    CO_ASSERT_TRUE(handle.has_value());
    const auto joined = co_await handle->join();
    CO_ASSERT_FALSE(joined.has_value());
    EXPECT_EQ(joined.error(), async::WaitError::kPanicked);
    EXPECT_EQ(living.load(), 0);
    EXPECT_EQ(panic::contained(), contained + 1);
  }
  EXPECT_BALANCED(before);
}

KTEST_TASK(Panics, UnwindAllThatAwait) {
  std::atomic<int> living{0};
  tests::Balance before;
  for (unsigned round = 0; round < 2; ++round) {
    if (round == 1) before = (co_await tests::balance_at_rest().checked()).value();
    auto handle = exec::spawn(first_level(living), "chain");
    CO_ASSERT_TRUE(handle.has_value());
    const auto joined = co_await handle->join();
    CO_ASSERT_FALSE(joined.has_value());
    EXPECT_EQ(joined.error(), async::WaitError::kPanicked);
    EXPECT_EQ(living.load(), 0);
  }
  EXPECT_BALANCED(before);
}

KTEST_TASK(Panics, CanEndAsAValue) {
  std::atomic<int> living{0};
  const auto ended = co_await first_level(living).contained();
  CO_ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error(), async::TaskError::kPanicked);
  EXPECT_EQ(living.load(), 0);
}

async::Task<void> assert_wrongly(unsigned one) {
  co_await exec::yield_now();
  QUOLL_ASSERT(one + 1 == 3);
}

KTEST_TASK(Panics, OfAssertionsAreContainedToo) {
  auto handle = exec::spawn(assert_wrongly(1), "assert");
  CO_ASSERT_TRUE(handle.has_value());
  const auto joined = co_await handle->join();
  CO_ASSERT_FALSE(joined.has_value());
  EXPECT_EQ(joined.error(), async::WaitError::kPanicked);
}

async::Task<void> hold_and_panic(async::Mutex& mutex, std::atomic<int>& living) {
  const Living here(living);
  const auto guard = co_await mutex.lock();
  co_await exec::yield_now();
  panic_plainly(1);
}

KTEST_TASK(Panics, UnlockWhatTheTaskHeld) {
  async::Mutex mutex;
  std::atomic<int> living{0};
  std::array<async::JoinHandle<>, 4> handles;
  for (auto& handle : handles) {
    auto spawned = exec::spawn(hold_and_panic(mutex, living), "mutex");
    CO_ASSERT_TRUE(spawned.has_value());
    handle = std::move(*spawned);
  }
  for (auto& handle : handles) {
    const auto joined = co_await handle.join();
    EXPECT_FALSE(joined.has_value());
  }
  const auto guard = co_await mutex.lock();
  EXPECT_TRUE(guard.has_value());
  EXPECT_EQ(living.load(), 0);
}

async::Task<void> panic_together(std::atomic<unsigned>& arrived, unsigned expected,
                                 std::atomic<int>& living) {
  const Living here(living);
  arrived.fetch_add(1);
  // Never suspends: each needs a hart of its own, unless they cannot be had in time.
  const exec::Ticks limit = exec::now() + exec::ticks_per_second();
  while (arrived.load() < expected && exec::now() < limit) arch::Interrupts::relax();
  panic_plainly(expected);
  co_return;
}

KTEST_TASK(Panics, OnAllHartsAtOnce) {
  const unsigned harts = arch::Harts::count();
  std::atomic<int> living{0};
  for (unsigned round = 0; round < 5; ++round) {
    std::atomic<unsigned> arrived{0};
    std::array<async::JoinHandle<>, sync::kMaxHarts> handles;
    for (unsigned i = 0; i < harts; ++i) {
      auto spawned = exec::spawn(panic_together(arrived, harts, living), "together");
      CO_ASSERT_TRUE(spawned.has_value());
      handles[i] = std::move(*spawned);
    }
    for (unsigned i = 0; i < harts; ++i) {
      const auto joined = co_await handles[i].join();
      CO_ASSERT_FALSE(joined.has_value());
      EXPECT_EQ(joined.error(), async::WaitError::kPanicked);
    }
  }
  EXPECT_EQ(living.load(), 0);
}

KTEST_TASK(Panics, AThousandTimes) {
  constexpr unsigned kTimes = 1000;
  std::atomic<int> living{0};
  tests::Balance before;
  for (unsigned round = 0; round < kTimes + 10; ++round) {
    if (round == 10) before = (co_await tests::balance_at_rest().checked()).value();
    auto handle = exec::spawn(panicking_task(living, round), "again");
    CO_ASSERT_TRUE(handle.has_value());
    const auto joined = co_await handle->join();
    CO_ASSERT_FALSE(joined.has_value());
  }
  EXPECT_EQ(living.load(), 0);
  EXPECT_BALANCED(before);
}

}  // namespace
}  // namespace quoll
