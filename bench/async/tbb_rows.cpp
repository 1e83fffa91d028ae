// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The rows as oneTBB does them, where it has the like: task groups in an arena. Its tasks do not
// wait for each other but by suspension, and its only bounded queue blocks threads.
#include <atomic>
#include <cstdint>
#include <tbb/concurrent_queue.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include "row.hpp"

namespace quoll::bench {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

template <int Threads, void (*Body)(std::size_t, Stretch&)>
Stretch on(std::size_t count) {
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, Threads);
  tbb::task_arena arena(Threads);
  Stretch stretch;
  arena.execute([&] { Body(count, stretch); });
  return stretch;
}

void spawn_join(std::size_t count, Stretch& stretch) {
  tbb::task_group group;
  stretch.begin();
  for (std::size_t i = 0; i < count; ++i) {
    group.run([] {});
    group.wait();
  }
  stretch.end();
}

void spawn_many(std::size_t count, Stretch& stretch) {
  tbb::task_group group;
  stretch.begin();
  for (std::size_t done = 0; done < count; done += kSpawnedAtOnce) {
    for (std::size_t i = 0; i < kSpawnedAtOnce; ++i) group.run([] {});
    group.wait();
  }
  stretch.end();
}

/// A task that goes on as another one: what gives way to others here.
class Again {
 public:
  Again(tbb::task_group& group, std::size_t left) : group_(group), left_(left) {}
  void operator()() const {
    if (left_ != 0) group_.run(Again(group_, left_ - 1));
  }

 private:
  tbb::task_group& group_;
  std::size_t left_;
};

void yield(std::size_t count, Stretch& stretch) {
  tbb::task_group group;
  stretch.begin();
  for (std::size_t i = 0; i < kYielding; ++i) group.run(Again(group, count / kYielding));
  group.wait();
  stretch.end();
}

void ping_pong(std::size_t count, Stretch& stretch) {
  tbb::task_group group;
  tbb::task::suspend_point ping = nullptr;
  tbb::task::suspend_point pong = nullptr;
  std::uint64_t ball = 0;
  stretch.begin();
  group.run([&] {
    for (std::size_t i = 0; i < count; ++i) {
      ball = i;
      tbb::task::suspend([&](tbb::task::suspend_point point) {
        ping = point;
        if (i != 0) return tbb::task::resume(pong);
        group.run([&] {
          for (std::size_t round = 0; round < count; ++round) {
            check(ball == round);
            if (round + 1 == count) return tbb::task::resume(ping);
            tbb::task::suspend([&](tbb::task::suspend_point other) {
              pong = other;
              tbb::task::resume(ping);
            });
          }
        });
      });
    }
  });
  group.wait();
  stretch.end();
}

void channel(std::size_t count, Stretch& stretch) {
  std::size_t made = 0;
  std::uint64_t sum = 0;
  stretch.begin();
  tbb::parallel_pipeline(
      kChannelCapacity,
      tbb::make_filter<void, std::uint64_t>(tbb::filter_mode::serial_in_order,
                                            [&](tbb::flow_control& control) -> std::uint64_t {
                                              if (made < count) return made++;
                                              control.stop();
                                              return 0;
                                            }) &
          tbb::make_filter<std::uint64_t, void>(tbb::filter_mode::serial_in_order,
                                                [&](std::uint64_t value) { sum += value; }));
  stretch.end();
  check(sum == std::uint64_t{count} * (count - 1) / 2);
}

void blocking_channel(std::size_t count, Stretch& stretch) {
  tbb::concurrent_bounded_queue<std::uint64_t> queue;
  queue.set_capacity(kChannelCapacity);
  tbb::task_group group;
  std::uint64_t sum = 0;
  group.run([&] {
    for (std::size_t i = 0; i < count; ++i) queue.push(i);
  });
  stretch.begin();
  group.run_and_wait([&] {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t value = 0;
      queue.pop(value);
      sum += value;
    }
  });
  stretch.end();
  check(sum == std::uint64_t{count} * (count - 1) / 2);
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
    {"queue.channel.2", on<2, blocking_channel>},
};

}  // namespace
}  // namespace quoll::bench

int main(int words, char** word) {
  return quoll::bench::run_row(quoll::bench::kRows, words, word);
}
