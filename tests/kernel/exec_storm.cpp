// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor under load: tasks by the hundred thousand that wake each other across harts, timers
// by the ten thousand, cancellation at any moment, harts that park and are woken without end. A
// wake that is lost leaves a task behind, and its storm does not end.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <utility>

#include <quoll/async/channel.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "count_support.hpp"
#include "memory_storm.hpp"

namespace quoll::exec {
namespace {

using async::CancelToken;
using async::Channel;
using async::JoinHandle;
using async::WaitError;
using containers::Vector;
using quoll::tests::Balance;
using quoll::tests::balance_at_rest;
using Random = std::minstd_rand;
using vm::storms::printed_seed;

Random seeded(std::uint64_t seed) {
  return Random(static_cast<std::uint_fast32_t>(seed ^ seed >> 32));
}

// One end of a pair that sends a number to and fro. Whoever is left alone is told.
struct Pair {
  Channel<unsigned, 1> there;
  Channel<unsigned, 1> back;
};
async::Task<bool> serve(Channel<unsigned, 1>& in, Channel<unsigned, 1>& out, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    const auto value = co_await in.receive();
    if (!value || !co_await out.send(*value + 1)) co_return false;
  }
  co_return true;
}
async::Task<bool> open(Pair& pair, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    if (!co_await pair.there.send(2 * i)) co_return false;
    const auto value = co_await pair.back.receive();
    if (!value || *value != 2 * i + 1) co_return false;
  }
  co_return true;
}

/// Two tasks for each pair, all at once; how many ended as they should.
async::Task<unsigned> ping_all(std::span<Pair> pairs, Vector<JoinHandle<bool>>& handles,
                               unsigned rounds) {
  for (Pair& pair : pairs) {
    auto server = spawn(serve(pair.there, pair.back, rounds), "server");
    auto opener = spawn(open(pair, rounds), "opener");
    if (!server || !opener) co_return 0;
    if (!handles.try_push_back(std::move(*server))) co_return 0;
    if (!handles.try_push_back(std::move(*opener))) co_return 0;
  }
  unsigned ended = 0;
  for (auto& handle : handles) {
    if ((co_await handle.join()).value_or(false)) ++ended;
  }
  handles.clear();
  co_return ended;
}

KTEST_TASK(ExecStorm, AHundredThousandTasksPing, within("300s")) {
  constexpr unsigned kTasks = 100'000;
  constexpr unsigned kAtOnce = 2'000;
  constexpr unsigned kRounds = 4;
  const Balance before = (co_await balance_at_rest().checked()).value();
  unsigned ended = 0;
  {
    constexpr unsigned kPairs = kAtOnce / 2;
    const std::unique_ptr<Pair[]> pairs(new (std::nothrow) Pair[kPairs]);
    Vector<JoinHandle<bool>> handles;
    CO_ASSERT_TRUE(pairs && handles.try_reserve(kAtOnce));
    for (unsigned begun = 0; begun < kTasks; begun += kAtOnce) {
      const auto wave = co_await ping_all({pairs.get(), kPairs}, handles, kRounds).checked();
      CO_ASSERT_TRUE(wave.has_value());
      ended += *wave;
    }
  }
  EXPECT_EQ(ended, kTasks);
  EXPECT_BALANCED(before);
}

struct Sleeps {
  std::atomic<unsigned> in_time{0};
  std::atomic<unsigned> cancelled{0};
  std::atomic<unsigned> early{0};
};
async::Task<void> sleep_once(Ticks deadline, Sleeps& sleeps) {
  const CancelToken token((co_await async::current_task()).cancel_source());
  const auto slept = co_await sleep_until(deadline, token);
  if (!slept) {
    sleeps.cancelled.fetch_add(1);
  } else if (now() < deadline) {
    sleeps.early.fetch_add(1);
  } else {
    sleeps.in_time.fetch_add(1);
  }
}

/// Sleepers with deadlines of every magnitude, a third of them cancelled while others are begun.
async::Task<bool> sleep_and_cancel(unsigned count, Random& random, Sleeps& sleeps) {
  Vector<JoinHandle<>> handles;
  if (!handles.try_reserve(count)) co_return false;
  for (unsigned i = 0; i < count; ++i) {
    // At most a tenth of a second, and many at once.
    const Ticks distance = (ticks_per_second() / 10) >> (random() % 20);
    auto sleeper = spawn(sleep_once(now() + random() % (distance + 1), sleeps), "sleeper");
    if (!sleeper || !handles.try_push_back(std::move(*sleeper))) co_return false;
    if (random() % 3 == 0) handles[random() % handles.size()].cancel();
    if (random() % 16 == 0) co_await yield_now();
  }
  for (auto& handle : handles) {
    if (!co_await handle.join()) co_return false;
  }
  co_return true;
}

KTEST_TASK(ExecStorm, TenThousandTimersSomeOfThemCancelled, within("300s")) {
  constexpr unsigned kTimers = 10'000;
  Random random = seeded(printed_seed());
  const Balance before = (co_await balance_at_rest().checked()).value();
  Sleeps sleeps;
  const auto slept = co_await sleep_and_cancel(kTimers, random, sleeps).checked();
  EXPECT_TRUE(slept.has_value() && *slept);
  EXPECT_EQ(sleeps.in_time.load() + sleeps.cancelled.load(), kTimers);
  EXPECT_EQ(sleeps.early.load(), 0u);
  EXPECT_BALANCED(before);
}

// Tokens go from task to task, each on to one chosen at random. There are more than harts, and
// fewer than tasks, so that harts run out of work and are needed again all the time.
constexpr unsigned kStations = 64;
using Station = Channel<unsigned, kStations>;
struct Ring {
  std::array<Station, kStations> stations;
  std::atomic<std::uint64_t> passed{0};
  std::atomic<bool> over{false};
};
async::Task<void> pass_tokens(Ring& ring, unsigned self, std::uint64_t seed) {
  Random random = seeded(seed + self);
  for (;;) {
    const auto token = co_await ring.stations[self].receive();
    if (!token || ring.over.load(std::memory_order_relaxed)) co_return;
    ring.passed.fetch_add(1, std::memory_order_relaxed);
    // Now and then a hart has nothing to do until its timer comes, or another hart.
    if (random() % 4 == 0) (void)co_await sleep_until(now() + ticks_per_second() / 100'000);
    if (!co_await ring.stations[random() % kStations].send(*token)) co_return;
  }
}

/// How often each hart has had nothing to do.
struct Parks {
  std::array<std::uint64_t, sync::kMaxHarts> of{};
  static Parks now() {
    Parks parks;
    for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
      parks.of[hart] = executor().parks(hart);
    }
    return parks;
  }
  std::uint64_t all_since(const Parks& before) const {
    std::uint64_t all = 0;
    for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) all += of[hart] - before.of[hart];
    return all;
  }
  std::uint64_t fewest_since(const Parks& before) const {
    std::uint64_t fewest = ~std::uint64_t{0};
    for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
      fewest = std::min(fewest, of[hart] - before.of[hart]);
    }
    return fewest;
  }
};

/// All harts together park `wanted` times, each of them many times.
async::Task<void> park_often(std::uint64_t wanted) {
  const std::uint64_t seed = printed_seed();
  const Balance before = (co_await balance_at_rest().checked()).value();
  {
    Ring ring;
    std::array<JoinHandle<>, kStations> handles;
    for (unsigned i = 0; i < kStations; ++i) {
      auto spawned = spawn(pass_tokens(ring, i, seed), "station");
      CO_ASSERT_TRUE(spawned.has_value());
      handles[i] = std::move(*spawned);
    }
    // A machine with one hart parks only between bursts: this task sleeps meanwhile.
    const unsigned tokens = arch::Harts::count() / 2 + 1;
    const Parks begun = Parks::now();
    const bool is_alone = arch::Harts::count() == 1;
    for (unsigned i = 0; !is_alone && i < tokens; ++i) {
      CO_ASSERT_TRUE((co_await ring.stations[i].send(i)).has_value());
    }
    const Ticks pause = ticks_per_second() / (is_alone ? 20'000 : 50);
    // If all tokens stood still, so would this count.
    while (Parks::now().all_since(begun) < wanted) {
      CO_ASSERT_TRUE((co_await sleep_until(now() + pause)).has_value());
    }
    EXPECT_EQ(is_alone, ring.passed.load() == 0);
    // Elsewhere the host decides which harts get on.
    if (vm::counts::can_count()) {
      EXPECT_LE(wanted / arch::Harts::count() / 4, Parks::now().fewest_since(begun));
    }
    ring.over.store(true);
    for (Station& station : ring.stations) station.close();
    for (auto& handle : handles) CO_ASSERT_TRUE((co_await handle.join()).has_value());
  }
  EXPECT_BALANCED(before);
}

KTEST_TASK(ExecStorm, HartsParkAndAreWokenAHundredThousandTimes, within("300s")) {
  // One that is alone sleeps as long as its timer says, on the host's clock.
  const bool is_slow = arch::Harts::count() == 1 && !vm::counts::can_count();
  CO_ASSERT_TRUE((co_await park_often(is_slow ? 1'000 : 100'000).checked()).has_value());
}

// For a machine that counts, so that a wake which is lost is lost again the next time.
KTEST_TASK_APART(ExecStorm, HartsParkAndAreWokenAMillionTimes, within("3000s")) {
  CO_ASSERT_TRUE((co_await park_often(1'000'000).checked()).has_value());
}

}  // namespace
}  // namespace quoll::exec
