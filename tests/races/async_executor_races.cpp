// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor itself, with all its queues: harts that run out of work and park, tasks and
// interrupt handlers that wake them. A wake that is lost leaves harts asleep for ever, which the
// explorer reports.
//
// Aside are locks, joins, deadlines and rings, which have models of their own, and
// what does not fit a ring: nothing is ever put there.
#define QUOLL_RACES_ASIDE \
  "/lock.hpp", "/join.hpp", "/timer_wheel.hpp", "/run_queue.hpp", "/steal_ring.hpp"
#include "async_words.hpp"
// After the words.
#include <relacy/stdlib/semaphore.hpp>

#include <quoll/async/executor.hpp>

namespace quoll::races {
namespace {

using async::Task;
using async::TaskHeader;
using async::Ticks;

constexpr std::size_t kThreads = 3;

/// A machine whose harts are the explorer's threads; one of them may stand for an interrupt that
/// comes on another's hart.
class ModelMachine {
 public:
  static constexpr std::size_t kMaxHarts = kThreads;

  explicit ModelMachine(unsigned interrupt) : interrupt_(interrupt) {
    for (auto& wake : wakes_) wake.init(false, 0, 64, info_of(Where::current()));
  }
  ModelMachine(const ModelMachine&) = delete;
  ModelMachine& operator=(const ModelMachine&) = delete;
  ~ModelMachine() {
    for (auto& wake : wakes_) wake.deinit(info_of(Where::current()));
  }

  std::size_t hart() const noexcept {
    if (!started) return 0;
    return in_interrupt() ? interrupted_ : self();
  }
  bool in_interrupt() const noexcept { return started && self() == interrupt_; }
  Ticks now() const noexcept { return 0; }
  void set_deadline(Ticks /*deadline*/) noexcept {}
  void before_suspend(TaskHeader& /*task*/) noexcept {}
  void park(bool (*may_sleep)(void*), void* argument) noexcept {
    const unsigned hart = self();
    (void)parks_[hart].exchange(1, std::memory_order_acq_rel);
    if (may_sleep(argument)) wakes_[hart].wait(false, false, info_of(Where::current()));
    (void)parks_[hart].exchange(0, std::memory_order_acq_rel);
  }
  void wake(std::size_t hart) noexcept {
    ++wakes;
    end_park(hart);
  }

  /// An interrupt on this hart, which ends its sleep like any other.
  template <typename Handler>
  void interrupt(std::size_t hart, Handler&& handler) {
    interrupted_ = hart;
    handler();
    end_park(hart);
  }

  static constexpr unsigned kNone = kThreads;
  bool started = false;
  unsigned wakes = 0;

 private:
  /// What comes before a park is over by then: its sleep does not end for that.
  void end_park(std::size_t hart) noexcept {
    if (parks_[hart].fetch_or(0, std::memory_order_acq_rel) == 0) return;
    wakes_[hart].signal(info_of(Where::current()));
  }

  const unsigned interrupt_;
  std::size_t interrupted_ = 0;
  // From the moment when wakes are held off.
  std::array<Atomic<unsigned, 96>, kThreads> parks_;
  std::array<rl::semaphore<ModelMachine>, kThreads> wakes_;
};

using Executor = async::Executor<ModelMachine>;

/// `co_await`ed: suspends, and whoever gets the header wakes.
class Suspended {
 public:
  Suspended() { published_.init(false, 0, 1, info_of(Where::current())); }
  Suspended(const Suspended&) = delete;
  Suspended& operator=(const Suspended&) = delete;
  ~Suspended() { published_.deinit(info_of(Where::current())); }

  bool await_ready() const noexcept { return false; }
  template <async::TaskPromise P>
  void await_suspend(std::coroutine_handle<P> handle) noexcept {
    TaskHeader* const task = handle.promise().task();
    task->suspend_at(handle);
    task_ = task;
    published_.signal(info_of(Where::current()));
  }
  void await_resume() const noexcept {}

  /// Waits until there is one.
  TaskHeader& task() {
    published_.wait(false, false, info_of(Where::current()));
    return *task_;
  }

 private:
  rl::semaphore<Suspended> published_;
  TaskHeader* task_ = nullptr;
};

template <std::size_t kHarts, unsigned kInterrupt = ModelMachine::kNone>
struct World {
  ModelMachine machine{kInterrupt};
  std::array<typename Executor::Hart, kHarts> harts;
  Executor executor{machine, harts};

  /// Before the threads begin, as if by the first hart.
  void spawn_first(Task<void> task) {
    machine.started = false;
    auto handle = executor.spawn(std::move(task));
    require(handle.has_value(), "there is memory for a task");
    handle->detach();
    machine.started = true;
  }
  void spawn(Task<void> task) {
    auto handle = executor.spawn(std::move(task));
    require(handle.has_value(), "there is memory for a task");
    handle->detach();
  }
};

/// Parking alone: two sleep until there is something to do, which a third leaves for them twice.
struct Parking : rl::test_suite<Parking, kThreads> {
  async::ParkedHarts parked;
  ModelMachine machine{ModelMachine::kNone};
  Atomic<unsigned, 97> left{0};
  unsigned parks = 0;

  void before() { machine.started = true; }
  void thread(unsigned thread) {
    if (thread == 0) {
      for (int i = 0; i < 2; ++i) {
        left.fetch_add(1, std::memory_order_relaxed);
        const std::size_t hart = parked.claim_at_last(0);
        if (hart != async::ParkedHarts::kNone) machine.wake(hart);
      }
      return;
    }
    while (!take()) {
      ++parks;
      parked.announce(thread);
      if (left.load(std::memory_order_relaxed) == 0) {
        machine.park(
            [](void* model) { return static_cast<Parking*>(model)->parked.contains(self()); },
            this);
      }
      parked.withdraw(thread);
    }
  }
  bool take() {
    unsigned seen = left.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (left.compare_exchange_strong(seen, seen - 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void after() { require(machine.wakes <= parks, "a sleep costs one wake at most"); }
};

/// One hart makes tasks, which an idle one takes, and all go home when the last has ended.
struct Spawned : rl::test_suite<Spawned, 2>, World<2> {
  Atomic<unsigned, 97> left{2};
  GuardedWord<unsigned> made = 0U;

  void before() { spawn_first(make()); }
  void thread(unsigned) { executor.run(); }
  Task<void> make() {
    made = 1;
    spawn(end());
    spawn(end());
    co_return;
  }
  Task<void> end() {
    require(made == 1, "what comes before a task is seen by it");
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) executor.stop();
    co_return;
  }
  void after() { require(executor.task_count() == 0, "every task ends"); }
};

/// Two tasks for three harts, of which one has them both: who ends the last sends all home.
struct Shared : rl::test_suite<Shared, kThreads>, World<kThreads> {
  Atomic<unsigned, 97> left{2};

  void before() {
    spawn_first(end());
    spawn_first(end());
  }
  void thread(unsigned) { executor.run(); }
  Task<void> end() {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) executor.stop();
    co_return;
  }
  void after() { require(executor.task_count() == 0, "every task ends"); }
};

/// Two tasks that pass a turn to each other, on whichever harts.
struct Passed : rl::test_suite<Passed, 2>, World<2> {
  async::Event asked;
  async::Event answered;

  void before() {
    spawn_first(answer());
    spawn_first(ask());
  }
  void thread(unsigned) { executor.run(); }
  Task<void> answer() {
    require((co_await asked.wait()).has_value(), "nobody cancels");
    answered.set();
  }
  Task<void> ask() {
    asked.set();
    require((co_await answered.wait()).has_value(), "nobody cancels");
    executor.stop();
  }
  void after() { require(executor.task_count() == 0, "every task ends"); }
};

/// An interrupt on a hart that may be about to sleep, or asleep, wakes a task. There may be another
/// hart, which sleeps and is to go on with it.
template <std::size_t kHarts>
struct Interrupted : rl::test_suite<Interrupted<kHarts>, kHarts + 1>, World<kHarts, kHarts> {
  Suspended waiting;

  void before() { this->spawn_first(wait()); }
  void thread(unsigned thread) {
    if (thread != kHarts) return this->executor.run();
    TaskHeader& task = waiting.task();
    this->machine.interrupt(0, [&task] { task.wake(); });
  }
  Task<void> wait() {
    co_await waiting;
    this->executor.stop();
  }
  void after() { require(this->executor.task_count() == 0, "every task ends"); }
};

/// A hart that leaves for user mode, and comes back when the other has done what waited.
struct Offered : rl::test_suite<Offered, 2>, World<2> {
  Atomic<unsigned, 97> done{0};

  void before() { spawn_first(leave()); }
  void thread(unsigned) { executor.run(); }
  Task<void> leave() {
    spawn(work());
    executor.offer_work();
    // The user's program; it ends when it likes.
    while (done.load(std::memory_order_relaxed) == 0) relax();
    executor.stop();
    co_return;
  }
  Task<void> work() {
    done.store(1, std::memory_order_relaxed);
    co_return;
  }
  void after() { require(executor.task_count() == 0, "every task ends"); }
};

constexpr std::array kFenceControls{
    Control{"no fences between publishing and looking", kOtherWord, Weakening::kFence},
};
constexpr std::array kParkingControls{
    kFenceControls[0],
    Control{"who was claimed acquires nothing", kLongWord, Weakening::kAcquire},
};
constexpr std::array kModels{
    Model{"parking", &rl::simulate<Parking>, 3, 4, 0, kParkingControls},
    Model{"spawned", &rl::simulate<Spawned>, 2, 3, 100'000, {}},
    Model{"shared", &rl::simulate<Shared>, 2, 3, 100'000, {}},
    Model{"passed", &rl::simulate<Passed>, 3, 4, 100'000, {}},
    Model{"interrupted_alone", &rl::simulate<Interrupted<1>>, 3, 5, 0, {}},
    Model{"interrupted", &rl::simulate<Interrupted<2>>, 2, 3, 100'000, {}},
    Model{"offered", &rl::simulate<Offered>, 3, 4, 100'000, kFenceControls},
};

}  // namespace
}  // namespace quoll::races

namespace quoll::async {

/// No model has timers.
// NOLINTNEXTLINE(misc-definitions-in-headers): a program of models is one translation unit
void TimerWheel::expire(Ticks /*now*/) noexcept {
  std::abort();
}

}  // namespace quoll::async

namespace quoll::base {

/// No task of a model panics.
// NOLINTNEXTLINE(misc-definitions-in-headers): a program of models is one translation unit
void continue_panic() {
  std::abort();
}

}  // namespace quoll::base

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
