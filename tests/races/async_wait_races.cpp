// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waits of tasks: for an event, for the end of a task, and cancelled at the same moment. All of it
// is the library's own. Whoever was woken frees at once what it waited for.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/wait_queue.hpp>

namespace quoll::races {
namespace {

using async::Event;

constexpr unsigned kHarts = 3;

struct Suite {
  Harts harts{kHarts};
  void thread(unsigned) { harts.run(); }
};

/// One waits for an event, one sets it, one cancels the wait.
struct CancelledEvent : rl::test_suite<CancelledEvent, kHarts>, Suite {
  std::optional<Event> event{std::in_place};
  std::optional<CancelSource> source{std::in_place};
  GuardedWord<unsigned> sent = 0U;
  GuardedWord<unsigned> reason = 0U;

  void before() {
    harts.spawn(wait()).detach();
    harts.spawn(set()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> wait() {
    const auto waited = co_await event->wait(*source);
    if (waited) {
      require(sent == 1, "what comes before the event is seen after it");
      event.reset();
    } else {
      require(waited.error() == WaitError::kCancelled, "a wait ends by its event or its token");
      require(reason == 1, "what comes before a cancellation is seen after it");
      source.reset();
    }
  }
  Task<void> set() {
    sent = 1;
    event->set();
    co_return;
  }
  Task<void> cancel() {
    reason = 1;
    source->cancel();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// Two tasks wait for the same event; one of them is cancelled just before.
struct TwoWaiters : rl::test_suite<TwoWaiters, kHarts>, Suite {
  Event event;
  CancelSource source;
  unsigned woken = 0;

  void before() {
    harts.spawn(wait(source)).detach();
    harts.spawn(wait({})).detach();
    harts.spawn(cancel_and_set()).detach();
  }
  Task<void> wait(CancelToken token) {
    if (co_await event.wait(token)) ++woken;
  }
  Task<void> cancel_and_set() {
    source.cancel();
    event.set();
    co_return;
  }
  void after() { require(woken == 1 || woken == 2, "who is not cancelled is woken"); }
};

/// Tasks that only look.
struct Lookers : rl::test_suite<Lookers, kHarts> {
  Event event;
  CancelSource source;
  GuardedWord<unsigned> sent = 0U;
  GuardedWord<unsigned> reason = 0U;
  void thread(unsigned thread) {
    if (thread == 0) {
      sent = 1;
      event.set();
    } else if (thread == 1) {
      reason = 1;
      source.cancel();
    } else {
      if (event.is_set()) require(sent == 1, "what comes before the event is seen after it");
      if (source.cancelled()) require(reason == 1, "what comes before a cancellation is seen");
    }
  }
};

/// A task ends while one joins it, whom a third cancels.
struct Join : rl::test_suite<Join, kHarts>, Suite {
  CancelSource source;
  JoinHandle<unsigned> child;
  GuardedWord<unsigned> made = 0U;

  void before() {
    child = harts.spawn(make());
    harts.spawn(join()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<unsigned> make() {
    made = 7;
    co_return 7U;
  }
  Task<void> join() {
    const auto value = co_await child.join(source);
    if (value) {
      require(*value == 7 && made == 7, "a joiner sees what the task did");
    } else {
      require(value.error() == WaitError::kCancelled, "a join ends by the task or the token");
    }
    child.detach();
  }
  Task<void> cancel() {
    source.cancel();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// A task that waits for its own cancellation, while its handle cancels, looks, joins.
struct CancelledTask : rl::test_suite<CancelledTask, kHarts>, Suite {
  Event never;
  JoinHandle<bool> child;

  void before() {
    child = harts.spawn(wait());
    harts.spawn(cancel()).detach();
  }
  Task<bool> wait() {
    const CancelToken token((co_await async::current_task()).cancel_source());
    const auto waited = co_await never.wait(token);
    co_return !waited && waited.error() == WaitError::kCancelled;
  }
  Task<void> cancel() {
    child.cancel();
    (void)child.done();
    const auto ended = co_await child.join();
    require(ended && *ended, "a cancelled task ends, and is joined");
    child.detach();
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// A task ends while its handle is dropped elsewhere: the last of the two frees it.
struct Detach : rl::test_suite<Detach, kHarts>, Suite {
  JoinHandle<> child;

  void before() {
    child = harts.spawn(work());
    harts.spawn(detach()).detach();
  }
  Task<void> work() { co_return; }
  Task<void> detach() {
    child.detach();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

constexpr std::array kLockControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kFlagControls{
    Control{"flags do not acquire", kFlagWord, Weakening::kAcquire},
    Control{"flags do not release", kFlagWord, Weakening::kRelease},
};
constexpr std::array kJoinControls{
    Control{"ending and joining do not acquire", kLongWord, Weakening::kAcquire},
    Control{"ending and joining do not release", kLongWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"cancelled_event", &rl::simulate<CancelledEvent>, 3, 4, 0, kLockControls},
    Model{"two_waiters", &rl::simulate<TwoWaiters>, 2, 3, 200'000, kLockControls},
    Model{"lookers", &rl::simulate<Lookers>, 5, 7, 0, kFlagControls},
    Model{"join", &rl::simulate<Join>, 3, 4, 0, kJoinControls},
    Model{"cancelled_task", &rl::simulate<CancelledTask>, 3, 4, 0, kLockControls},
    Model{"detach", &rl::simulate<Detach>, 4, 6, 0, kJoinControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
