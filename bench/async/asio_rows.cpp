// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The rows as Boost.Asio does them: coroutines on an io_context, with the hint that belongs to the
// number of threads; `asio_unlocked.` with the one that leaves its locks out.
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "row.hpp"

namespace quoll::bench {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
template <typename T = void>
using Task = asio::awaitable<T, asio::io_context::executor_type>;
constexpr asio::use_awaitable_t<asio::io_context::executor_type> kAwait;
constexpr auto kAwaitBoth = asio::as_tuple(kAwait);

struct Run {
  asio::io_context& context;
  std::size_t count;
  Stretch stretch{};
};

template <std::size_t Threads, int Hint, Task<> (*Body)(Run&)>
Stretch on(std::size_t count) {
  asio::io_context context(Hint);
  Run run{context, count};
  asio::co_spawn(context.get_executor(), Body(run), asio::detached);
  std::vector<std::thread> threads;
  for (std::size_t thread = 1; thread < Threads; ++thread) {
    threads.emplace_back([&context] { context.run(); });
  }
  context.run();
  for (std::thread& thread : threads) thread.join();
  return run.stretch;
}

void check(bool holds) {
  if (!holds) std::abort();
}

Task<> nothing() {
  co_return;
}

Task<> spawn_join(Run& run) {
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    co_await asio::co_spawn(run.context.get_executor(), nothing(), kAwait);
  }
  run.stretch.end();
}

template <typename Channel>
Task<> spawn_many(Run& run) {
  Channel ended(run.context.get_executor(), kSpawnedAtOnce);
  run.stretch.begin();
  for (std::size_t done = 0; done < run.count; done += kSpawnedAtOnce) {
    std::atomic<std::size_t> left = kSpawnedAtOnce;
    for (std::size_t i = 0; i < kSpawnedAtOnce; ++i) {
      asio::co_spawn(run.context.get_executor(), nothing(), [&](const std::exception_ptr&) {
        if (--left == 0) ended.try_send(error_code(), 0);
      });
    }
    co_await ended.async_receive(kAwait);
  }
  run.stretch.end();
}

Task<> yields(asio::io_context& context, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) co_await asio::post(context.get_executor(), kAwait);
}

template <typename Channel>
Task<> yield(Run& run) {
  Channel ended(run.context.get_executor(), kYielding);
  run.stretch.begin();
  for (std::size_t i = 0; i < kYielding; ++i) {
    asio::co_spawn(run.context.get_executor(), yields(run.context, run.count / kYielding),
                   [&](const std::exception_ptr&) { ended.try_send(error_code(), 0); });
  }
  for (std::size_t i = 0; i < kYielding; ++i) co_await ended.async_receive(kAwait);
  run.stretch.end();
}

using Alone = asio::experimental::basic_channel<asio::io_context::executor_type,
                                                asio::experimental::channel_traits<>,
                                                void(error_code, std::uint64_t)>;
using Shared = asio::experimental::basic_concurrent_channel<asio::io_context::executor_type,
                                                            asio::experimental::channel_traits<>,
                                                            void(error_code, std::uint64_t)>;

template <typename Channel>
Task<> pong(Channel& in, Channel& out) {
  for (;;) {
    auto [error, ball] = co_await in.async_receive(kAwaitBoth);
    if (error) co_return;
    co_await out.async_send(error_code(), ball, kAwait);
  }
}

template <typename Channel>
Task<> ping_pong(Run& run) {
  Channel there(run.context.get_executor(), 1);
  Channel back(run.context.get_executor(), 1);
  Channel ended(run.context.get_executor(), 1);
  asio::co_spawn(run.context.get_executor(), pong(there, back),
                 [&](const std::exception_ptr&) { ended.try_send(error_code(), 0); });
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    co_await there.async_send(error_code(), i, kAwait);
    check(co_await back.async_receive(kAwait) == i);
  }
  run.stretch.end();
  there.close();
  co_await ended.async_receive(kAwait);
}

template <typename Channel>
Task<> produce(Channel& queue, std::size_t count) {
  // It stays open: a receiver that waits on another thread may find it closed before the last
  // value.
  for (std::size_t i = 0; i < count; ++i) co_await queue.async_send(error_code(), i, kAwait);
}

template <typename Channel>
Task<> channel(Run& run) {
  Channel queue(run.context.get_executor(), kChannelCapacity);
  Channel ended(run.context.get_executor(), 1);
  asio::co_spawn(run.context.get_executor(), produce(queue, run.count),
                 [&](const std::exception_ptr&) { ended.try_send(error_code(), 0); });
  run.stretch.begin();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < run.count; ++i) sum += co_await queue.async_receive(kAwait);
  run.stretch.end();
  check(sum == std::uint64_t{run.count} * (run.count - 1) / 2);
  co_await ended.async_receive(kAwait);
}

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

/// Timers that are set and do not go off while a row runs.
class OtherTimers {
 public:
  OtherTimers(asio::io_context& context, Clock::time_point now) {
    for (std::size_t i = 0; i < kTimersBeside; ++i) {
      timers_[i] = std::make_unique<Timer>(context.get_executor());
      timers_[i]->expires_at(now + std::chrono::seconds(kSecondsToTimers) +
                             std::chrono::nanoseconds(i * kTimerDistance));
      timers_[i]->async_wait([](error_code) {});
    }
  }

 private:
  std::array<std::unique_ptr<Timer>, kTimersBeside> timers_;
};

Task<> timer(Run& run) {
  const Clock::time_point now = Clock::now();
  const OtherTimers others(run.context, now);
  Timer alarm(run.context.get_executor());
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    alarm.expires_at(now + std::chrono::seconds(kSecondsToTimers) +
                     std::chrono::nanoseconds(i % kDeadlines * kDeadlineDistance));
    alarm.async_wait([](error_code) {});
    alarm.cancel();
    // Each cancelled wait has a handler to run: it is let, now and then.
    if (i % kSpawnedAtOnce == 0) co_await asio::post(run.context.get_executor(), kAwait);
  }
  co_await asio::post(run.context.get_executor(), kAwait);
  run.stretch.end();
}

Task<> sleeps(Timer& alarm, bool& ends, Clock::time_point until) {
  while (!ends) {
    alarm.expires_at(until);
    auto [error] = co_await alarm.async_wait(kAwaitBoth);
    check(error == asio::error::operation_aborted);
  }
}

Task<> sleep_cancel(Run& run) {
  const Clock::time_point now = Clock::now();
  const OtherTimers others(run.context, now);
  Timer alarm(run.context.get_executor());
  Alone ended(run.context.get_executor(), 1);
  bool ends = false;
  asio::co_spawn(run.context.get_executor(),
                 sleeps(alarm, ends, now + std::chrono::seconds(kSecondsToTimers)),
                 [&](const std::exception_ptr&) { ended.try_send(error_code(), 0); });
  co_await asio::post(run.context.get_executor(), kAwait);
  run.stretch.begin();
  for (std::size_t i = 0; i < run.count; ++i) {
    ends = i + 1 == run.count;
    alarm.cancel();
    co_await asio::post(run.context.get_executor(), kAwait);
  }
  run.stretch.end();
  co_await ended.async_receive(kAwait);
}

constexpr int kOne = 1;
constexpr int kTwo = 2;
constexpr int kUnlocked = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;

constexpr Row kRows[] = {
    {"spawn_join", on<1, kOne, spawn_join>},
    {"spawn_many", on<1, kOne, spawn_many<Alone>>},
    {"spawn_many.2", on<2, kTwo, spawn_many<Shared>>},
    {"yield", on<1, kOne, yield<Alone>>},
    {"ping_pong", on<1, kOne, ping_pong<Alone>>},
    {"ping_pong.2", on<2, kTwo, ping_pong<Shared>>},
    {"channel", on<1, kOne, channel<Alone>>},
    {"channel.2", on<2, kTwo, channel<Shared>>},
    {"timer", on<1, kOne, timer>},
    {"sleep_cancel", on<1, kOne, sleep_cancel>},
    {"unlocked.spawn_join", on<1, kUnlocked, spawn_join>},
    {"unlocked.spawn_many", on<1, kUnlocked, spawn_many<Alone>>},
    {"unlocked.yield", on<1, kUnlocked, yield<Alone>>},
    {"unlocked.ping_pong", on<1, kUnlocked, ping_pong<Alone>>},
    {"unlocked.channel", on<1, kUnlocked, channel<Alone>>},
    {"unlocked.timer", on<1, kUnlocked, timer>},
    {"unlocked.sleep_cancel", on<1, kUnlocked, sleep_cancel>},
};

}  // namespace
}  // namespace quoll::bench

int main(int words, char** word) {
  return quoll::bench::run_row(quoll::bench::kRows, words, word);
}
