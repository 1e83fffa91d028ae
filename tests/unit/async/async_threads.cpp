// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tasks on threads that lock, meet, send and are cancelled at random, under ThreadSanitizer. What a
// lock guards is accessed plainly: two holders are a race. A program of its own, for everything in
// it is built for this sanitizer.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <quoll/async/barrier.hpp>
#include <quoll/async/broadcast.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/async/condition.hpp>
#include <quoll/async/once.hpp>
#include <quoll/async/rw_lock.hpp>
#include <quoll/async/scope.hpp>
#include <quoll/async/semaphore.hpp>
#include <quoll/async/timeout.hpp>
#include <quoll/async/unbounded_channel.hpp>
#include <quoll/async/when_any.hpp>
#include <quoll/base/panic.hpp>

#include "thread_machine.hpp"

// The closures live in the coroutines of `timeout` and `with_scope` for as long as they run.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)
namespace quoll::async::testing {
namespace {

constexpr unsigned kHarts = 4;
constexpr unsigned kTasks = 8;
constexpr unsigned kRounds = 600;
constexpr unsigned kSteps = 12;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

using Ended = base::Result<void, WaitError>;

/// All that the tasks of one round share.
struct Shared {
  explicit Shared(ThreadMachine& m) : machine(m) {}
  ThreadMachine& machine;

  Mutex mutex;
  std::uint64_t under_mutex = 0;
  std::uint64_t locked = 0;  // under the mutex too

  RwLock lock;
  std::uint64_t written = 0;

  Semaphore semaphore{3};
  std::atomic<std::size_t> permits{0};

  Condition condition;
  unsigned tokens = 0;  // under the mutex

  Once once;
  std::uint64_t made = 0;

  Channel<std::uint64_t, 2> channel;
  UnboundedChannel<std::uint64_t> unbounded;
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> received{0};

  Broadcast<std::uint64_t, 4> broadcast;
};

/// A task that does something else at each step; its waits end when it is cancelled.
class Worker {
 public:
  Worker(Shared& shared, CancelToken token, std::uint32_t seed)
      : shared_(shared), token_(token), random_(seed) {}

  Task<void> run() {
    auto receiver = shared_.broadcast.subscribe();
    for (unsigned step = 0; step < kSteps; ++step) {
      (void)(co_await one_step().checked()).has_value();
      if (random_() % 4 == 0) co_await yield_now();
      if (random_() % 4 == 0) (void)shared_.broadcast.send(step).has_value();
      if (random_() % 8 == 0) (void)(co_await receiver.receive(token_)).has_value();
    }
  }

 private:
  Task<void> one_step() {
    switch (random_() % 13) {
      case 0:
        return lock();
      case 1:
        return read();
      case 2:
        return write();
      case 3:
        return acquire();
      case 4:
        return wait_for_token();
      case 5:
        return give_token();
      case 6:
        return do_once();
      case 7:
        return send();
      case 8:
        return sleep();
      case 9:
        return wait_for_alarm();
      case 10:
        return start_some();
      case 11:
        return receive_from_either();
      default:
        return receive();
    }
  }
  Task<void> lock() {
    const auto guard = co_await shared_.mutex.lock(token_);
    if (!guard) co_return;
    const std::uint64_t before = shared_.under_mutex;
    if (random_() % 2 == 0) co_await yield_now();
    shared_.under_mutex = before + 1;
    ++shared_.locked;
  }
  Task<void> read() {
    const auto guard = co_await shared_.lock.read(token_);
    if (!guard) co_return;
    const std::uint64_t before = shared_.written;
    if (random_() % 2 == 0) co_await yield_now();
    require(shared_.written == before, "nobody writes while one reads");
  }
  Task<void> write() {
    const auto guard = co_await shared_.lock.write(token_);
    if (!guard) co_return;
    const std::uint64_t before = shared_.written;
    if (random_() % 2 == 0) co_await yield_now();
    shared_.written = before + 1;
  }
  Task<void> acquire() {
    const std::size_t count = 1 + random_() % 3;
    const auto permits = co_await shared_.semaphore.acquire(count, token_);
    if (!permits) co_return;
    require(shared_.permits.fetch_add(count) + count <= 3, "no more permits than there are");
    if (random_() % 2 == 0) co_await yield_now();
    shared_.permits.fetch_sub(count);
  }
  Task<void> wait_for_token() {
    auto guard = co_await shared_.mutex.lock(token_);
    if (!guard) co_return;
    while (shared_.tokens == 0) {
      if (!co_await shared_.condition.wait(*guard, token_)) co_return;
    }
    --shared_.tokens;
  }
  Task<void> give_token() {
    {
      const auto guard = co_await shared_.mutex.lock(token_);
      if (!guard) co_return;
      ++shared_.tokens;
      if (random_() % 2 == 0) shared_.condition.notify_one();
    }
    shared_.condition.notify_all();
  }
  Task<void> do_once() {
    auto turn = co_await shared_.once.enter(token_);
    if (!turn) co_return;
    if (turn->is_ours()) {
      if (random_() % 2 == 0) co_await yield_now();
      if (random_() % 2 == 0) co_return;
      ++shared_.made;
      turn->complete();
    } else {
      require(shared_.made == 1, "it is done once");
    }
  }
  Task<void> send() {
    const std::uint64_t value = 1 + random_() % 1000;
    const bool is_sent = random_() % 2 == 0
                             ? shared_.unbounded.send(value).has_value()
                             : (co_await shared_.channel.send(value, token_)).has_value();
    if (is_sent) shared_.sent += value;
  }
  Task<void> receive() {
    const auto value = random_() % 2 == 0 ? co_await shared_.unbounded.receive(token_)
                                          : co_await shared_.channel.receive(token_);
    if (value) shared_.received += *value;
  }

  Task<void> sleep() {
    const Ticks now = shared_.machine.now();
    const Ticks until = now + random_() % 4;
    const Ticks limit = now + random_() % 4;
    const auto slept = co_await timeout(limit, token_, [until](CancelToken token) -> Task<Ended> {
      co_return co_await sleep_until(until, token);
    });
    if (slept) require(*slept || slept->error() == WaitError::kCancelled, "a sleep ends");
  }
  Task<void> wait_for_alarm() {
    Event event;
    Alarm alarm(event);
    alarm.arm((co_await current_task()).scheduler().timers(),
              shared_.machine.now() + random_() % 3);
    if (random_() % 2 == 0) (void)(co_await event.wait(token_)).has_value();
    alarm.disarm();
  }
  static Task<Ended> count_one(Shared& shared, bool fails) {
    const auto guard = co_await shared.mutex.lock(co_await current_token());
    if (!guard) co_return base::err(guard.error());
    const std::uint64_t before = shared.under_mutex;
    co_await yield_now();
    shared.under_mutex = before + 1;
    ++shared.locked;
    if (fails) co_return base::err(WaitError::kClosed);
    co_return {};
  }
  Task<void> start_some() {
    const unsigned failing = random_() % 6;
    std::uint64_t ended = 0;
    const auto all = co_await with_scope(token_, [&](Scope<>& scope) -> Task<Ended> {
      for (unsigned i = 0; i < 3; ++i) {
        require(scope.spawn(count_one(shared_, i == failing)).has_value(), "there is memory");
      }
      co_await scope.all_ended();
      ended = 3;
      co_return {};
    });
    require(ended == 3, "a scope ends when its children have");
    require(all.has_value() || token_.cancelled() || failing < 3, "a scope fails for a reason");
  }
  static Task<void> receive_either(Shared& shared, bool is_bounded) {
    const CancelToken token = co_await current_token();
    const auto value = is_bounded ? co_await shared.channel.receive(token)
                                  : co_await shared.unbounded.receive(token);
    if (value) shared.received += *value;
  }
  Task<void> receive_from_either() {
    const auto first = co_await when_any(
        token_, std::array{receive_either(shared_, true), receive_either(shared_, false)});
    require(first.has_value(), "one of them ends");
  }

  Shared& shared_;
  CancelToken token_;
  std::mt19937 random_;
};

Task<void> work(Shared& shared, std::uint32_t seed) {
  Worker worker(shared, (co_await current_task()).cancel_source(), seed);
  (void)(co_await worker.run().checked()).has_value();
}

/// What is left in the channels, when all have gone.
Task<void> drain(Shared& shared) {
  shared.channel.close();
  shared.unbounded.close();
  for (;;) {
    const auto value = co_await shared.channel.receive();
    if (!value) break;
    shared.received += *value;
  }
  for (;;) {
    const auto value = co_await shared.unbounded.receive();
    if (!value) break;
    shared.received += *value;
  }
}

/// Tasks of which some are cancelled early; then all of them, so that nobody waits for ever.
Task<void> one_round(World& world, std::mt19937& random) {
  Shared shared(world.machine());
  std::vector<JoinHandle<>> handles;
  for (unsigned task = 0; task < kTasks; ++task) {
    auto handle = world.executor().spawn(work(shared, static_cast<std::uint32_t>(random())));
    require(handle.has_value(), "there is memory for a task");
    handles.push_back(std::move(*handle));
  }
  while (random() % 4 != 0) co_await yield_now();
  handles[random() % kTasks].cancel();
  handles[random() % kTasks].cancel();
  for (unsigned i = random() % 64; i != 0; --i) co_await yield_now();
  std::size_t listed = 0;
  world.executor().for_each_task([&listed](const TaskHeader& task) { listed += task.id() != 0; });
  require(listed != 0, "who looks is a task");
  for (auto& handle : handles) handle.cancel();
  for (auto& handle : handles) require((co_await handle.join()).has_value(), "all tasks end");
  require(shared.under_mutex == shared.locked, "one task at a time");
  require(shared.semaphore.available() == 3, "all permits come back");
  require((co_await shared.mutex.lock()).has_value(), "the mutex is free");
  require((co_await shared.lock.write()).has_value(), "the lock is free");
  (void)(co_await drain(shared).checked()).has_value();
  require(shared.sent == shared.received, "what was sent is received, once");
}

/// Rounds of a barrier from which some of the tasks are cancelled now and then; each tries again
/// until it was in its number of rounds.
Task<void> arrive(Barrier& barrier, unsigned& rounds, unsigned& leads, CancelSource* sources) {
  for (unsigned round = 0; round < 8; ++round) {
    auto role = co_await barrier.arrive(sources[round]);
    if (!role) role = co_await barrier.arrive();
    require(role.has_value(), "a barrier that is not closed lets all go on");
    ++rounds;
    if (*role == BarrierRole::kLeader) ++leads;
  }
}
Task<void> meet(World& world, std::mt19937& random) {
  constexpr std::size_t kParties = 3;
  Barrier barrier(kParties);
  std::array<std::array<CancelSource, 8>, kParties> sources;
  std::array<unsigned, kParties> rounds{};
  std::array<unsigned, kParties> leads{};
  std::vector<JoinHandle<>> handles;
  for (std::size_t party = 0; party < kParties; ++party) {
    auto handle =
        world.executor().spawn(arrive(barrier, rounds[party], leads[party], sources[party].data()));
    require(handle.has_value(), "there is memory for a task");
    handles.push_back(std::move(*handle));
  }
  for (unsigned i = 0; i < 8; ++i) {
    sources[random() % kParties][random() % 8].cancel();
    co_await yield_now();
  }
  for (auto& handle : handles) require((co_await handle.join()).has_value(), "all tasks end");
  require(rounds[0] + rounds[1] + rounds[2] == 24, "all were in all rounds");
  require(leads[0] + leads[1] + leads[2] == 8, "each round has one leader");
}

Task<void> all_rounds(World& world, unsigned rounds, unsigned seed) {
  std::mt19937 random(seed);
  for (unsigned round = 0; round < rounds; ++round) {
    (void)(co_await one_round(world, random).checked()).has_value();
    (void)(co_await meet(world, random).checked()).has_value();
  }
}

int run(unsigned rounds, unsigned seed) {
  std::printf("seed %u\n", seed);
  World world;
  require(world.run(kHarts, all_rounds(world, rounds, seed)), "all tasks end");
  return 0;
}

}  // namespace
}  // namespace quoll::async::testing

namespace quoll::base {

/// Nothing here panics.
void continue_panic() {
  std::abort();
}

}  // namespace quoll::base

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)

/// async_thread_test [SEED [ROUNDS]]
int main(int argc, char** argv) {
  using quoll::async::testing::kRounds;
  const auto number = [argv](int at) {
    return static_cast<unsigned>(std::strtoul(argv[at], nullptr, 10));
  };
  const unsigned seed = argc > 1 ? number(1) : std::random_device()();
  return quoll::async::testing::run(argc > 2 ? number(2) : kRounds, seed);
}
