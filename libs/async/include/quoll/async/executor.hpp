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

#include <quoll/async/join.hpp>
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
  /// The task on this hart is about to suspend and has asked to be told.
  { machine.before_suspend(task) };
};

/// What made a task runnable again.
enum class WakeCause : std::uint8_t { kTask, kInterrupt, kTimer };

/// A machine that also wants to be told what runs: for tracing. All on the hart that it concerns.
template <typename M>
concept WatchingMachine = requires(M machine, TaskHeader& task, WakeCause cause) {
  /// A task that was just made is runnable.
  { machine.on_spawn(task) };
  /// A task is runnable again.
  { machine.on_wake(task, cause) };
  /// This hart goes on with a task,
  { machine.on_run(task) };
  /// which gives way,
  { machine.on_yield() };
  /// or ends (it may be gone already);
  { machine.on_end() };
  /// and the hart has it no longer.
  { machine.on_stop() };
};

/// Runs tasks on up to 64 harts.
///
/// Each hart calls `run`. A task made runnable by a task goes to that hart's ring, from which idle
/// harts steal; one made runnable by an interrupt goes to an idle hart's mailbox if there is one.
/// Mailboxes come first: what a device or another hart waits for is short and urgent. Every eighth
/// pick looks at the ring first, so that nothing starves.
template <ExecutorMachine Machine>
class Executor final : public Scheduler {
 public:
  static constexpr std::size_t kMaxHarts = Machine::kMaxHarts;
  static_assert(kMaxHarts <= 64);

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
    serving_.fetch_or(bit(self), std::memory_order_seq_cst);
    while (!stopping_.load(std::memory_order_acquire)) {
      if (!run_one(self)) idle(self);
    }
    serving_.fetch_and(~bit(self), std::memory_order_seq_cst);
  }

  /// Ends every `run` once its present task suspends. Tasks that are left stay as they are.
  void stop() noexcept {
    stopping_.store(true, std::memory_order_seq_cst);
    for (std::size_t hart = 0; hart < count_; ++hart) notify(hart);
  }

  template <typename T>
  base::Result<JoinHandle<T>, SpawnError> spawn(Task<T> task, const char* name = "") {
    tasks_.fetch_add(1, std::memory_order_relaxed);
    auto handle = async::spawn(*this, std::move(task), name);
    if (!handle.has_value()) tasks_.fetch_sub(1, std::memory_order_relaxed);
    return handle;
  }

  /// Tasks that were spawned and have not ended.
  std::size_t task_count() const noexcept { return tasks_.load(std::memory_order_relaxed); }
  /// Calls `visit(task)` for each of these, as `TaskList::for_each` does.
  template <typename Visit>
  void for_each_task(Visit&& visit) noexcept {
    for (Hart& hart : std::span(harts_, count_)) hart.tasks.for_each(visit);
  }
  /// How many tasks this hart has resumed.
  std::uint64_t resumed(std::size_t hart) const noexcept {
    return harts_[hart].resumed.load(std::memory_order_relaxed);
  }
  /// How often this hart had nothing to do and slept, or would have.
  std::uint64_t parks(std::size_t hart) const noexcept {
    return harts_[hart].parks.load(std::memory_order_relaxed);
  }
  /// The harts that are in `run`.
  std::uint64_t serving() const noexcept { return serving_.load(std::memory_order_acquire); }
  /// The task that runs on this hart, or null.
  TaskHeader* current() noexcept { return harts_[machine_.hart()].current; }

  /// Whether the running task should give way soon: something urgent came in meanwhile.
  bool urgent_work() noexcept { return !harts_[machine_.hart()].inbox.empty(); }
  /// Whether anything else could run on this hart.
  bool other_work() noexcept {
    Hart& hart = harts_[machine_.hart()];
    return !hart.inbox.empty() || !hart.backlog.empty() || hart.ring.size() != 0;
  }
  /// Called before this hart leaves for a while (into a guest): idle harts may take what waits.
  void offer_work() noexcept {
    Hart& hart = harts_[machine_.hart()];
    // Each system call comes by here, and mostly nothing waits.
    if (hart.ring.size() == 0 && hart.backlog.empty()) [[likely]]
      return;
    offer_what_waits(hart);
  }
  /// Wakes what is due on this hart; the deadline for the next.
  Ticks poll_timers() noexcept {
    Hart& hart = harts_[machine_.hart()];
    if (hart.timers.next_deadline() != kNever) {
      hart.expiring = true;
      hart.timers.expire(machine_.now());
      hart.expiring = false;
    }
    return hart.timers.next_deadline();
  }

  void schedule(TaskHeader& task) noexcept override {
    const std::size_t self = machine_.hart();
    if (machine_.in_interrupt()) {
      if constexpr (kWatched) machine_.on_wake(task, WakeCause::kInterrupt);
      return schedule_from_interrupt(self, task);
    }
    if constexpr (kWatched) {
      machine_.on_wake(task, harts_[self].expiring ? WakeCause::kTimer : WakeCause::kTask);
    }
    enqueue(self, task);
  }

  void start(TaskHeader& task) noexcept override {
    if constexpr (kWatched) machine_.on_spawn(task);
    const std::size_t self = machine_.hart();
    harts_[self].tasks.add(task);
    enqueue(self, task);
  }

  void yield(TaskHeader& task) noexcept override {
    if constexpr (kWatched) machine_.on_yield();
    Hart& hart = harts_[machine_.hart()];
    if (!hart.ring.push(task)) hart.backlog.push(task);
  }

  void before_suspend(TaskHeader& task) noexcept override { machine_.before_suspend(task); }
  TimerWheel& timers() noexcept override { return harts_[machine_.hart()].timers; }
  void task_ended() noexcept override {
    if constexpr (kWatched) machine_.on_end();
    tasks_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static constexpr bool kWatched = WatchingMachine<Machine>;

  /// Of what only its own hart writes.
  static void count_up(std::atomic<std::uint64_t>& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  static constexpr std::uint64_t bit(std::size_t hart) noexcept { return std::uint64_t{1} << hart; }

  void enqueue(std::size_t self, TaskHeader& task) noexcept {
    Hart& hart = harts_[self];
    if (!hart.ring.push(task)) {
      hart.backlog.push(task);
      return;
    }
    // A lone one runs here when the present task suspends; it is not worth another hart's sleep.
    if (hart.ring.size() > 1) notify_any();
  }

  [[gnu::noinline]] void offer_what_waits(Hart& hart) noexcept {
    if (hart.ring.size() != 0) notify_any();
    hand_over(hart);
  }

  bool run_one(std::size_t self) noexcept {
    Hart& hart = harts_[self];
    poll_timers();
    TaskHeader* const task = next(self);
    if (task == nullptr) return false;
    hart.current = task;
    count_up(hart.resumed);
    if constexpr (kWatched) machine_.on_run(*task);
    task->resume();
    if constexpr (kWatched) machine_.on_stop();
    hart.current = nullptr;
    return true;
  }

  TaskHeader* next(std::size_t self) noexcept {
    Hart& hart = harts_[self];
    if (!hart.inbox.empty()) {
      hart.backlog.push_chain(hart.inbox.take_all());
    }
    const bool ring_first = ++hart.picks % 8 == 0;
    TaskHeader* task = ring_first ? hart.ring.pop() : hart.backlog.pop();
    if (task == nullptr) task = ring_first ? hart.backlog.pop() : hart.ring.pop();
    if (task != nullptr) {
      hand_over(hart);
      return task;
    }
    return steal(self);
  }

  /// What is left in the private backlog goes to a hart that has nothing to do.
  void hand_over(Hart& hart) noexcept {
    while (!hart.backlog.empty()) {
      const std::size_t idle = claim_parked();
      if (idle == kMaxHarts) return;
      harts_[idle].inbox.push(*hart.backlog.pop());
      machine_.wake(idle);
    }
  }

  TaskHeader* steal(std::size_t self) noexcept {
    std::uint64_t others = serving_.load(std::memory_order_relaxed) & ~bit(self);
    // Start behind oneself, so that thieves spread.
    others = std::rotr(others, static_cast<int>(self));
    while (others != 0) {
      const auto offset = static_cast<std::size_t>(std::countr_zero(others));
      others &= others - 1;
      if (TaskHeader* const task = harts_[(self + offset) % 64].ring.pop()) return task;
    }
    return nullptr;
  }

  bool work_somewhere(std::size_t self) noexcept {
    if (!harts_[self].inbox.empty()) return true;
    std::uint64_t harts = serving_.load(std::memory_order_relaxed) | bit(self);
    while (harts != 0) {
      if (harts_[static_cast<std::size_t>(std::countr_zero(harts))].ring.size() != 0) return true;
      harts &= harts - 1;
    }
    return false;
  }

  /// Parks: announce, look once more, sleep. Whoever pushes does the reverse: push, fence, look
  /// for announcements. One of the two sees the other.
  void idle(std::size_t self) noexcept {
    count_up(harts_[self].parks);
    parked_.fetch_or(bit(self), std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!work_somewhere(self) && !stopping_.load(std::memory_order_seq_cst)) {
      machine_.set_deadline(harts_[self].timers.next_deadline());
      struct Context {
        Executor* executor;
        std::size_t hart;
      } context{this, self};
      machine_.park(
          [](void* argument) {
            const auto& c = *static_cast<Context*>(argument);
            return (c.executor->parked_.load(std::memory_order_seq_cst) & bit(c.hart)) != 0 &&
                   c.executor->harts_[c.hart].inbox.empty();
          },
          &context);
    }
    parked_.fetch_and(~bit(self), std::memory_order_seq_cst);
  }

  /// To a hart that sleeps, or to this one, which looks at its mailbox before it sleeps or leaves.
  void schedule_from_interrupt(std::size_t self, TaskHeader& task) noexcept {
    const bool parked_here = (parked_.load(std::memory_order_relaxed) & bit(self)) != 0;
    const std::size_t idle = parked_here ? kMaxHarts : claim_parked();
    if (idle == kMaxHarts) return harts_[self].inbox.push(task);
    harts_[idle].inbox.push(task);
    // Always: it may have woken by itself meanwhile and be on its way into a guest.
    machine_.wake(idle);
  }

  /// Wakes a hart if it is parked; the one who clears its bit sends the one IPI.
  void notify(std::size_t target) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if ((parked_.load(std::memory_order_relaxed) & bit(target)) == 0) return;
    if ((parked_.fetch_and(~bit(target), std::memory_order_seq_cst) & bit(target)) != 0) {
      machine_.wake(target);
    }
  }

  void notify_any() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::size_t target = claim_parked();
    if (target != kMaxHarts) machine_.wake(target);
  }

  /// A parked hart other than this one, now unparked; `kMaxHarts` when there is none.
  std::size_t claim_parked() noexcept {
    const std::uint64_t self = bit(machine_.hart());
    std::uint64_t parked = parked_.load(std::memory_order_relaxed) & ~self;
    while (parked != 0) {
      const auto target = static_cast<std::size_t>(std::countr_zero(parked));
      if ((parked_.fetch_and(~bit(target), std::memory_order_seq_cst) & bit(target)) != 0) {
        return target;
      }
      parked = parked_.load(std::memory_order_relaxed) & ~self;
    }
    return kMaxHarts;
  }

  Machine& machine_;
  Hart* const harts_;
  const std::size_t count_;
  alignas(64) std::atomic<std::uint64_t> parked_{0};
  std::atomic<std::uint64_t> serving_{0};
  std::atomic<std::size_t> tasks_{0};
  std::atomic<bool> stopping_{false};
};

template <ExecutorMachine Machine>
struct alignas(64) Executor<Machine>::Hart {
  StealRing ring;
  Inbox inbox;
  Backlog backlog;
  TimerWheel timers;
  TaskList tasks;  ///< that were spawned here and have not ended
  TaskHeader* current = nullptr;
  std::uint32_t picks = 0;
  bool expiring = false;  ///< its timers wake tasks just now
  std::atomic<std::uint64_t> resumed{0};
  std::atomic<std::uint64_t> parks{0};
};

}  // namespace quoll::async
