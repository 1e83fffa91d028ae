// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The rows as libs/async does them.
#include <array>
#include <cstdint>
#include <memory>
#include <ranges>
#include <utility>

#include <quoll/async/channel.hpp>
#include <quoll/async/executor.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/base/assert.hpp>

#include "host_machine.hpp"
#include "row.hpp"

namespace quoll::bench {
namespace {

using async::Alarm;
using async::CancelSource;
using async::Channel;
using async::Event;
using async::JoinHandle;
using async::Task;
using async::Ticks;

/// What a row's task works with.
struct Run {
  HostWorld& world;
  std::size_t count;
  Stretch stretch{};

  template <typename T>
  JoinHandle<T> spawn(Task<T> task) {
    auto handle = world.executor().spawn(std::move(task));
    QUOLL_ASSERT(handle.has_value());
    return std::move(*handle);
  }
};

template <std::size_t Harts, Task<void> (*Body)(Run&)>
Stretch on(std::size_t count) {
  const auto world = std::make_unique<HostWorld>();
  Run run{*world, count};
  QUOLL_ASSERT(world->run(Harts, Body(run)));
  return run.stretch;
}

Task<void> nothing() {
  co_return;
}

Task<void> spawn_join(Run& run) {
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    auto handle = run.spawn(nothing());
    QUOLL_ASSERT((co_await handle.join()).has_value());
  }
  run.stretch.end();
}

Task<void> spawn_many(Run& run) {
  std::array<JoinHandle<void>, kSpawnedAtOnce> handles;
  run.stretch.begin();
  for (std::size_t done = 0; done < run.count; done += kSpawnedAtOnce) {
    for (auto& handle : handles) handle = run.spawn(nothing());
    // The youngest first, as `JoinHandle::join` advises.
    for (auto& handle : std::views::reverse(handles)) {
      QUOLL_ASSERT((co_await handle.join()).has_value());
    }
  }
  run.stretch.end();
}

Task<void> yields(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) co_await async::yield_now();
}

Task<void> yield(Run& run) {
  std::array<JoinHandle<void>, kYielding> handles;
  run.stretch.begin();
  for (auto& handle : handles) handle = run.spawn(yields(run.count / kYielding));
  for (auto& handle : handles) QUOLL_ASSERT((co_await handle.join()).has_value());
  run.stretch.end();
}

using Ball = Channel<std::uint64_t, 1>;

Task<void> pong(Ball& in, Ball& out) {
  for (;;) {
    auto ball = co_await in.receive();
    if (!ball) co_return;
    QUOLL_ASSERT((co_await out.send(*ball)).has_value());
  }
}

Task<void> ping_pong(Run& run) {
  Ball there;
  Ball back;
  auto handle = run.spawn(pong(there, back));
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    QUOLL_ASSERT((co_await there.send(i)).has_value());
    QUOLL_ASSERT(*co_await back.receive() == i);
  }
  run.stretch.end();
  there.close();
  QUOLL_ASSERT((co_await handle.join()).has_value());
}

using Queue = Channel<std::uint64_t, kChannelCapacity>;

Task<void> produce(Queue& queue, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) QUOLL_ASSERT((co_await queue.send(i)).has_value());
  queue.close();
}

Task<void> channel(Run& run) {
  Queue queue;
  auto handle = run.spawn(produce(queue, run.count));
  run.stretch.begin();
  std::uint64_t sum = 0;
  while (auto value = co_await queue.receive()) sum += *value;
  run.stretch.end();
  QUOLL_ASSERT(sum == std::uint64_t{run.count} * (run.count - 1) / 2);
  QUOLL_ASSERT((co_await handle.join()).has_value());
}

constexpr Ticks kFarAway = kSecondsToTimers * HostMachine::kTicksPerSecond;

/// Timers that are set and do not go off while a row runs.
class OtherTimers {
 public:
  explicit OtherTimers(async::TimerWheel& wheel) {
    for (std::size_t i = 0; i < kTimersBeside; ++i) {
      alarms_[i] = std::make_unique<Alarm>(event_);
      alarms_[i]->arm(wheel, kFarAway + i * kTimerDistance / 100);
    }
  }

 private:
  Event event_;
  std::array<std::unique_ptr<Alarm>, kTimersBeside> alarms_;
};

Task<void> timer(Run& run) {
  async::TimerWheel& wheel = (co_await async::current_task()).scheduler().timers();
  const OtherTimers others(wheel);
  Event event;
  Alarm alarm(event);
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    alarm.arm(wheel, kFarAway + i % kDeadlines * kDeadlineDistance / 100);
    alarm.disarm();
  }
  run.stretch.end();
}

/// Sleeps until it is cancelled, round after round.
struct Sleeper {
  CancelSource* source = nullptr;
  bool ends = false;
};

Task<void> sleeps(Sleeper& sleeper, Ticks until) {
  while (!sleeper.ends) {
    CancelSource source;
    sleeper.source = &source;
    QUOLL_ASSERT(!(co_await async::sleep_until(until, source)).has_value());
  }
}

Task<void> sleep_cancel(Run& run) {
  const OtherTimers others((co_await async::current_task()).scheduler().timers());
  Sleeper sleeper;
  auto handle = run.spawn(sleeps(sleeper, kFarAway));
  co_await async::yield_now();
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    sleeper.ends = i + 1 == run.count;
    sleeper.source->cancel();
    co_await async::yield_now();
  }
  run.stretch.end();
  QUOLL_ASSERT((co_await handle.join()).has_value());
}

constexpr Row kRows[] = {
    {"spawn_join", on<1, spawn_join>},
    {"spawn_many", on<1, spawn_many>},
    {"spawn_many.2", on<2, spawn_many>},
    {"yield", on<1, yield>},
    {"ping_pong", on<1, ping_pong>},
    {"ping_pong.2", on<2, ping_pong>},
    {"channel", on<1, channel>},
    {"channel.2", on<2, channel>},
    {"timer", on<1, timer>},
    {"sleep_cancel", on<1, sleep_cancel>},
};

}  // namespace
}  // namespace quoll::bench

int main(int words, char** word) {
  return quoll::bench::run_row(quoll::bench::kRows, words, word);
}
