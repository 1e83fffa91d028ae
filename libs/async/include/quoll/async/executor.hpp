// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor: run queues and timers of every hart, over a machine that can park and wake.
#pragma once

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <quoll/async/join.hpp>
#include <quoll/async/parked_harts.hpp>
#include <quoll/async/run_queue.hpp>
#include <quoll/async/task_list.hpp>
#include <quoll/async/timer.hpp>

namespace quoll::async {

/// What the executor needs of a machine. Harts have dense numbers below `kMaxHarts`.
template <typename M>
concept ExecutorMachine = requires(M machine, std::size_t hart, Ticks deadline,
                                   bool (*may_sleep)(void*), void* argument, TaskHeader& task) {
  { M::kMaxHarts } -> std::convertible_to<std::size_t>;
  /// The hart that calls.
  { machine.hart() } -> std::same_as<std::size_t>;
  /// Whether the caller is an interrupt handler.
  { machine.in_interrupt() } -> std::same_as<bool>;
  /// The monotonic clock.
  { machine.now() } -> std::same_as<Ticks>;
  /// Ends a `park` of this hart at that time, replacing an earlier deadline.
  { machine.set_deadline(deadline) };
  /// Sleeps until a wake, a deadline or an interrupt, unless `may_sleep` says no. It is asked with
  /// wakes held off, so one that comes after the answer ends the sleep.
  { machine.park(may_sleep, argument) };
  /// Ends the `park` of another hart.
  { machine.wake(hart) };
  /// The task on this hart is about to suspend, for the first time or as it has asked to be told.
  { machine.before_suspend(task) };
};

/// What made a task runnable again.
enum class WakeCause : std::uint8_t { kTask, kInterrupt, kTimer };
/// Why a hart has a task no longer.
enum class StopCause : std::uint8_t { kSuspended, kYielded, kEnded };

/// A machine that also wants to be told what runs: for tracing. All on the hart that it concerns.
template <typename M>
concept WatchingMachine = requires(M machine, TaskHeader& task, WakeCause cause, StopCause end) {
  /// A task that was just made is runnable.
  { machine.on_spawn(task) };
  /// A task is runnable again.
  { machine.on_wake(task, cause) };
  /// This hart goes on with a task,
  { machine.on_run(task) };
  /// and has it no longer; it may be gone by now.
  { machine.on_stop(end) };
  /// Both at once: the second task comes in the place of the first.
  { machine.on_switch(end, task) };
  /// Whether it wants to look around between two tasks: then it is told of a stop and of a run.
  { machine.wants_attention() } -> std::same_as<bool>;
};

/// A machine that keeps a word of each hart for its executor, which then finds what it keeps of the
/// calling hart without its number. Null at first.
template <typename M>
concept RememberingMachine = requires(M machine) {
  { machine.slot() } -> std::same_as<void*&>;
};

/// Runs tasks on up to 64 harts.
///
/// Each hart calls `run`. `RunQueue` says what a hart runs next; a task that suspends hands over to
/// that by itself, and `run` has the rest. A hart that has nothing steals, and one that finds
/// nothing to steal parks, as `ParkedHarts` says. A hart with more than it runs
/// itself wakes a parked one: when a task adds to the queue, when the hart goes on to its next
/// task, and before it leaves for user mode.
template <ExecutorMachine Machine>
class Executor final : public Scheduler {
 public:
  static constexpr std::size_t kMaxHarts = Machine::kMaxHarts;
  static_assert(kMaxHarts <= ParkedHarts::kNone);

  /// What it keeps of one hart, for itself.
  struct Hart;

  /// For harts 0 to `harts.size() - 1`. *Requires*: there are no more than `kMaxHarts`, and what is
  /// kept of them outlives the executor.
  constexpr Executor(Machine& machine, std::span<Hart> harts) noexcept
      : machine_(machine), harts_(harts.data()), count_(harts.size()) {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Serves this hart until `stop`. *Context*: one call per hart, on its own stack.
  void run() noexcept {
    const std::size_t self = machine_.hart();
    Hart& hart = harts_[self];
    serving_.fetch_or(ParkedHarts::bit(self), std::memory_order_relaxed);
    while (!stopping_.load(std::memory_order_relaxed)) {
      poll_timers(hart);
      TaskHeader* task = hart.queue.pop();
      if (task == nullptr) task = steal(self);
      if (task == nullptr) {
        idle(self);
        continue;
      }
      if (parked_.any()) [[unlikely]]
        share(hart);
      run_one(hart, *task);
    }
    serving_.fetch_and(~ParkedHarts::bit(self), std::memory_order_relaxed);
  }

  /// Ends every `run` once its present task suspends. Tasks that are left stay as they are.
  void stop() noexcept {
    // The fence orders it before the looks at who sleeps; it publishes nothing else.
    stopping_.store(true, std::memory_order_relaxed);
    detail::fence_all();
    for (std::size_t hart = 0; hart < count_; ++hart) {
      if (parked_.claim(hart)) machine_.wake(hart);
    }
  }

  template <typename T>
  base::Result<JoinHandle<T>, SpawnError> spawn(Task<T> task, const char* name = "") {
    return async::spawn(*this, std::move(task), name);
  }

  /// How many tasks were spawned and have not ended.
  std::size_t task_count() const noexcept {
    // Whoever is seen to have ended is seen to have been spawned.
    std::uint64_t ended = 0;
    for (const Hart& hart : harts()) ended += hart.ended.load(std::memory_order_acquire);
    std::uint64_t spawned = 0;
    for (const Hart& hart : harts()) spawned += hart.spawned.load(std::memory_order_relaxed);
    return spawned - ended;
  }
  /// Calls `visit(task)` for each of these that waits or has waited, as `TaskList::for_each` does.
  template <typename Visit>
  void for_each_task(Visit&& visit) noexcept {
    for (Hart& hart : harts()) hart.tasks.for_each(visit);
  }
  /// How many tasks this hart has resumed.
  std::uint64_t resumed(std::size_t hart) const noexcept {
    return harts_[hart].resumed.load(std::memory_order_relaxed);
  }
  /// How often this hart had nothing to do and slept, or would have.
  std::uint64_t parks(std::size_t hart) const noexcept {
    return harts_[hart].parks.load(std::memory_order_relaxed);
  }
  /// The harts that are in `run`; what they did before is not seen by that.
  std::uint64_t serving() const noexcept { return serving_.load(std::memory_order_relaxed); }
  /// The task that runs on this hart, or null.
  TaskHeader* current() noexcept { return own().current; }

  /// Whether the running task should give way soon: something urgent came in meanwhile.
  bool urgent_work() noexcept { return own().queue.has_urgent(); }
  /// Whether anything else could run on this hart.
  bool other_work() noexcept { return !own().queue.empty(); }
  /// Called before this hart leaves for a while (into a guest): idle harts may take what waits.
  void offer_work() noexcept {
    Hart& hart = own();
    // Each system call comes by here, and mostly nothing waits.
    if (hart.queue.empty()) [[likely]]
      return;
    offer_what_waits(hart);
  }
  /// Wakes what is due on this hart; the deadline for the next.
  Ticks poll_timers() noexcept {
    Hart& hart = own();
    poll_timers(hart);
    return hart.timers.next_deadline();
  }

  void schedule(TaskHeader& task) noexcept override {
    if (machine_.in_interrupt()) [[unlikely]]
      return schedule_from_interrupt(machine_.hart(), task);
    Hart& hart = own();
    if (hart.expiring) {
      // In the order of their deadlines. `run` looks for parked harts itself.
      if constexpr (kWatched) machine_.on_wake(task, WakeCause::kTimer);
      return hart.queue.push(task);
    }
    if constexpr (kWatched) machine_.on_wake(task, WakeCause::kTask);
    push_next(hart, task);
  }

  void start(TaskHeader& task) noexcept override {
    Hart& hart = own();
    count_up(hart.spawned);
    task.set_id(take_id(hart));
    if constexpr (kWatched) machine_.on_spawn(task);
    // One that is alone runs here when the present task suspends; it is not worth another hart's
    // sleep.
    const bool is_alone = !hart.queue.can_give();
    hart.queue.push(task);
    if (!is_alone && parked_.any()) [[unlikely]]
      wake_any(parked_.claim_any_but(machine_.hart()));
  }

  std::coroutine_handle<> yield(TaskHeader& task) noexcept override {
    Hart& hart = own();
    hart.queue.push(task);
    return go_on(hart, StopCause::kYielded);
  }
  std::coroutine_handle<> next() noexcept override { return go_on(own(), StopCause::kSuspended); }

  void before_suspend(TaskHeader& task) noexcept override {
    if (!TaskList::is_listed(task)) own().tasks.add(task);
    machine_.before_suspend(task);
  }
  TimerWheel& timers() noexcept override { return own().timers; }
  std::coroutine_handle<> task_ended() noexcept override {
    Hart& hart = own();
    hart.ended.store(hart.ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return go_on(hart, StopCause::kEnded);
  }

 private:
  static constexpr bool kWatched = WatchingMachine<Machine>;
  static constexpr std::uint64_t kIdsAtOnce = 64;

  /// Of what only its own hart writes.
  static void count_up(std::atomic<std::uint64_t>& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// From 1 upwards, a few at a time for each hart.
  std::uint64_t take_id(Hart& hart) noexcept {
    if (hart.last_id % kIdsAtOnce == 0) [[unlikely]]
      hart.last_id = ids_.fetch_add(kIdsAtOnce, std::memory_order_relaxed);
    return ++hart.last_id;
  }
  std::span<Hart> harts() const noexcept { return {harts_, count_}; }
  Hart& own() noexcept {
    if constexpr (RememberingMachine<Machine>) {
      void*& slot = machine_.slot();
      if (slot == nullptr) [[unlikely]]
        slot = &harts_[machine_.hart()];
      return *static_cast<Hart*>(slot);
    } else {
      return harts_[machine_.hart()];
    }
  }

  /// From here on the hart has this task; where it goes on.
  std::coroutine_handle<> begin(Hart& hart, TaskHeader& task) noexcept {
    hart.current = &task;
    count_up(hart.resumed);
    if constexpr (kWatched) machine_.on_run(task);
    return task.resume_point();
  }
  /// The hart has its task no longer.
  void end(Hart& hart, StopCause cause) noexcept {
    if constexpr (kWatched) machine_.on_stop(cause);
    hart.current = nullptr;
  }

  /// Runs this task, and those that `go_on` finds behind it.
  void run_one(Hart& hart, TaskHeader& task) noexcept {
    begin(hart, task).resume();
    // A coroutine that only returned.
    if (hart.current != nullptr) end(hart, StopCause::kSuspended);
  }

  /// What goes on in the place of a task that has suspended: the next in the queue, if there is
  /// nothing else to look at. Calls nobody, so it keeps no register on the stack.
  [[gnu::always_inline]] std::coroutine_handle<> go_on(Hart& hart, StopCause cause) noexcept {
    if (stopping_.load(std::memory_order_relaxed) || parked_.any() || is_timer_due(hart) ||
        wants_attention() || !hart.queue.is_usual()) [[unlikely]]
      return look_around(hart, cause);
    TaskHeader* const task = hart.queue.pop_usual();
    if (task == nullptr) [[unlikely]]
      return leave(hart, cause);
    if constexpr (kWatched) machine_.on_switch(cause, *task);
    hart.current = task;
    count_up(hart.resumed);
    return task->resume_point();
  }
  bool wants_attention() noexcept {
    if constexpr (kWatched) return machine_.wants_attention();
    return false;
  }
  /// The same where something is out of the ordinary; what takes longer is left to `run`.
  [[gnu::noinline]] std::coroutine_handle<> look_around(Hart& hart, StopCause cause) noexcept {
    end(hart, cause);
    if (stopping_.load(std::memory_order_relaxed) || is_timer_due(hart)) {
      return std::noop_coroutine();
    }
    TaskHeader* const task = hart.queue.pop();
    if (task == nullptr) return std::noop_coroutine();
    if (parked_.any()) [[unlikely]]
      share(hart);
    return begin(hart, *task);
  }

  /// To `run`: there is nothing, unless in the overflow or elsewhere.
  [[gnu::noinline]] std::coroutine_handle<> leave(Hart& hart, StopCause cause) noexcept {
    end(hart, cause);
    return std::noop_coroutine();
  }

  bool is_timer_due(Hart& hart) noexcept {
    const Ticks next = hart.timers.next_deadline();
    return next != kNever && next <= machine_.now();
  }
  void poll_timers(Hart& hart) noexcept {
    if (!is_timer_due(hart)) [[likely]]
      return;
    hart.expiring = true;
    hart.timers.expire(machine_.now());
    hart.expiring = false;
  }

  void push_next(Hart& hart, TaskHeader& task) noexcept {
    if (hart.queue.push_next(task) && parked_.any()) [[unlikely]]
      wake_any(parked_.claim_any_but(machine_.hart()));
  }

  void wake_any(std::size_t parked) noexcept {
    if (parked != ParkedHarts::kNone) machine_.wake(parked);
  }

  /// A hart goes on to its next task, and others sleep.
  [[gnu::noinline]] void share(Hart& hart) noexcept {
    if (hart.queue.can_give()) wake_any(parked_.claim_any_but(machine_.hart()));
    hand_over(hart);
  }

  [[gnu::noinline]] void offer_what_waits(Hart& hart) noexcept {
    hart.queue.clear_slot();
    if (hart.queue.can_give()) wake_any(parked_.claim_at_last(machine_.hart()));
    hand_over(hart);
  }

  /// What came by the mailbox, and others cannot steal, goes to harts that have nothing to do.
  void hand_over(Hart& hart) noexcept {
    while (hart.queue.has_posted()) {
      const std::size_t parked = parked_.claim_at_last(machine_.hart());
      if (parked == ParkedHarts::kNone) return;
      harts_[parked].queue.post(*hart.queue.give_posted());
      machine_.wake(parked);
    }
  }

  TaskHeader* steal(std::size_t self) noexcept {
    RunQueue<>& own = harts_[self].queue;
    std::uint64_t others = serving_.load(std::memory_order_relaxed) & ~ParkedHarts::bit(self);
    // Start behind oneself, so that thieves spread.
    others = std::rotr(others, static_cast<int>(self));
    while (others != 0) {
      const auto offset = static_cast<std::size_t>(std::countr_zero(others));
      others &= others - 1;
      if (TaskHeader* const task = harts_[(self + offset) % 64].queue.steal_for(own)) return task;
    }
    return nullptr;
  }

  bool work_somewhere(std::size_t self) noexcept {
    if (!harts_[self].queue.empty()) return true;
    std::uint64_t harts = serving_.load(std::memory_order_relaxed);
    while (harts != 0) {
      if (harts_[static_cast<std::size_t>(std::countr_zero(harts))].queue.can_give()) return true;
      harts &= harts - 1;
    }
    return false;
  }

  void idle(std::size_t self) noexcept {
    Hart& hart = harts_[self];
    count_up(hart.parks);
    parked_.announce(self);
    if (!work_somewhere(self) && !stopping_.load(std::memory_order_relaxed)) {
      machine_.set_deadline(hart.timers.next_deadline());
      struct Context {
        Executor* executor;
        std::size_t hart;
      } context{this, self};
      machine_.park(
          [](void* argument) {
            const auto& c = *static_cast<Context*>(argument);
            return c.executor->parked_.contains(c.hart) &&
                   !c.executor->harts_[c.hart].queue.has_urgent();
          },
          &context);
    }
    parked_.withdraw(self);
  }

  /// To a hart that sleeps, or to this one, which looks at its mailbox before it sleeps or leaves.
  void schedule_from_interrupt(std::size_t self, TaskHeader& task) noexcept {
    if constexpr (kWatched) machine_.on_wake(task, WakeCause::kInterrupt);
    const std::size_t parked =
        parked_.contains(self) ? ParkedHarts::kNone : parked_.claim_any_but(self);
    if (parked == ParkedHarts::kNone) return harts_[self].queue.post(task);
    harts_[parked].queue.post(task);
    // Always: it may have woken by itself meanwhile and be on its way into a guest.
    machine_.wake(parked);
  }

  Machine& machine_;
  Hart* const harts_;
  const std::size_t count_;
  // Looked at by all before each task, and written when one sleeps or wakes.
  alignas(64) ParkedHarts parked_;
  detail::Atomic<bool> stopping_{false};
  // Where to look for work, and relaxed: a hart's bit is seen by whoever sees the work that it left
  // behind, by the fences of `ParkedHarts`; what is found in its queue has orders of its own.
  detail::Atomic<std::uint64_t> serving_{0};
  /// How many numbers of tasks harts have got.
  std::atomic<std::uint64_t> ids_{0};
};

template <ExecutorMachine Machine>
struct alignas(64) Executor<Machine>::Hart {
  RunQueue<> queue;
  TimerWheel timers;
  TaskList tasks;  ///< that waited here first and have not ended
  TaskHeader* current = nullptr;
  std::uint64_t last_id = 0;  ///< that it gave a task
  bool expiring = false;      ///< its timers wake tasks just now
  std::atomic<std::uint64_t> resumed{0};
  std::atomic<std::uint64_t> parks{0};
  std::atomic<std::uint64_t> spawned{0};  ///< tasks, here
  std::atomic<std::uint64_t> ended{0};    ///< tasks, here
};

}  // namespace quoll::async
