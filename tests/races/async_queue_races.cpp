// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a hart runs next: its ring, which others steal from while it pushes and takes, what the ring
// has no room for, and its mailbox. All of it is the library's own. Each task is taken once, by
// somebody who sees all that came before it was pushed.
#include "async_words.hpp"
// After the words.
#include <quoll/async/run_queue.hpp>

namespace quoll::races {
namespace {

using async::TaskHeader;

constexpr std::size_t kTasks = 5;

/// Tasks that tell who takes them.
class Tasks {
 public:
  /// What whoever takes the task relies on.
  TaskHeader& made(std::size_t number) {
    content_[number] = 1U;
    return tasks_[number];
  }
  void take(const TaskHeader* task) {
    if (task == nullptr) return;
    const auto number = static_cast<std::size_t>(task - tasks_.data());
    require(number < kTasks, "what is taken was pushed");
    require(content_[number] == 1, "a task is taken once, after it was made");
    content_[number] = 2U;
  }
  /// *Requires*: the first `count` were made, and all queues are empty.
  void check(std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i) require(content_[i] == 2, "no task is lost");
  }

 private:
  std::array<TaskHeader, kTasks> tasks_;
  std::array<GuardedWord<unsigned>, kTasks> content_;
};

template <typename Queue>
void take_all(Queue& queue, Tasks& tasks) {
  while (const TaskHeader* const task = queue.pop()) tasks.take(task);
}

/// The owner fills its ring, which is small, and takes from it, while two others steal.
struct Thieves : rl::test_suite<Thieves, 3> {
  using Ring = async::StealRing<2>;
  Tasks tasks;
  std::array<Ring, 3> rings;

  void thread(unsigned thread) {
    if (thread != 0) return tasks.take(rings[0].steal_into(rings[thread]));
    rings[0].push(tasks.made(0));
    rings[0].push(tasks.made(1));
    tasks.take(rings[0].pop());
    require(rings[0].push(tasks.made(2)), "what was taken makes room");
    take_all(rings[0], tasks);
  }
  void after() { tasks.check(3); }
};

/// One steals from the other, which steals from the third.
struct Chain : rl::test_suite<Chain, 3> {
  using Ring = async::StealRing<4>;
  Tasks tasks;
  std::array<Ring, 3> rings;

  void thread(unsigned thread) {
    if (thread == 0) {
      for (std::size_t i = 0; i < 4; ++i) rings[0].push(tasks.made(i));
    } else {
      tasks.take(rings[thread - 1].steal_into(rings[thread]));
    }
    take_all(rings[thread], tasks);
  }
  void after() { tasks.check(4); }
};

/// More than the ring holds, while others steal from wherever it is.
struct Overflowing : rl::test_suite<Overflowing, 3> {
  using Queue = async::RunQueue<2>;
  Tasks tasks;
  std::array<Queue, 3> queues;

  void thread(unsigned thread) {
    if (thread == 0) {
      for (std::size_t i = 0; i < 3; ++i) queues[0].push(tasks.made(i));
      tasks.take(queues[0].pop());
      tasks.take(queues[0].pop());
      tasks.take(queues[0].pop());
    } else {
      tasks.take(queues[0].steal_for(queues[thread]));
    }
  }
  void after() { tasks.check(3); }
};

/// Two post while the owner takes.
struct Posts : rl::test_suite<Posts, 3> {
  using Queue = async::RunQueue<2>;
  Tasks tasks;
  Queue queue;

  void thread(unsigned thread) {
    if (thread != 0) return queue.post(tasks.made(thread));
    queue.push_next(tasks.made(0));
    for (int i = 0; i < 2; ++i) tasks.take(queue.pop());
  }
  void after() {
    take_all(queue, tasks);
    tasks.check(3);
  }
};

constexpr std::array kRingControls{
    Control{"stealing does not acquire", kLongWord, Weakening::kAcquire},
    Control{"pushing does not release", kLongWord, Weakening::kRelease},
    Control{"claims are not checked", kLongWord, Weakening::kCheck},
};
constexpr std::array kQueueControls{
    Control{"the overflow's lock orders nothing", kLockWord, Weakening::kOrders},
    Control{"stealing does not acquire", kLongWord, Weakening::kAcquire},
};
constexpr std::array kPostControls{
    Control{"taking does not acquire", kOtherWord, Weakening::kAcquire},
    Control{"posting does not release", kOtherWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"thieves", &rl::simulate<Thieves>, 3, 4, 0, kRingControls},
    Model{"chain", &rl::simulate<Chain>, 3, 4, 0, std::span(kRingControls).first(2)},
    Model{"overflowing", &rl::simulate<Overflowing>, 3, 4, 0, kQueueControls},
    Model{"posts", &rl::simulate<Posts>, 3, 4, 0, kPostControls},
};

}  // namespace
}  // namespace quoll::races

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
