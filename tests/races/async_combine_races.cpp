// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Scopes, `when_any`, `timeout` and what else waits for a time, that end while they are cancelled:
// whichever comes first, no child is left, and nobody touches what has gone.
#include "async_tasks.hpp"
// After the words.
#include <src/timer_wheel.cpp>  // NOLINT(bugprone-suspicious-include): one unit

#include <quoll/async/scope.hpp>
#include <quoll/async/timeout.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/async/when_any.hpp>

namespace quoll::races {
namespace {

using async::CancelLink;
using async::Event;
using Ended = base::Result<void, WaitError>;

constexpr unsigned kHarts = 3;

using Suite = Cancelling<kHarts>;

/// Links that come and go while what they observe is cancelled; then what they cancel goes too.
struct Link : rl::test_suite<Link, kHarts> {
  CancelSource parent;
  GuardedWord<unsigned> reason = 0U;

  void thread(unsigned thread) {
    if (thread == 0) {
      reason = 1;
      parent.cancel();
      return;
    }
    CancelSource child;
    {
      const CancelLink link(parent, child);
      if (child.cancelled()) require(reason == 1, "what comes before a cancellation is seen");
    }
    const bool is_cancelled = child.cancelled();
    require(is_cancelled == child.cancelled(), "nothing comes through a link that has gone");
  }
};

/// A child that waits for nothing but the end; what it wrote is seen behind the scope.
struct ScopeEnd : rl::test_suite<ScopeEnd, kHarts>, Suite {
  std::optional<Event> event{std::in_place};
  GuardedWord<unsigned> written = 0U;

  void before() {
    harts.spawn(hold()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> hold() {
    const auto ended =
        co_await async::with_scope(source, [this](async::Scope<>& scope) { return body(scope); });
    require(!ended && ended.error() == WaitError::kCancelled, "the scope was cancelled");
    require(written == 1, "what a child did is seen behind its scope");
    event.reset();
  }
  Task<Ended> body(async::Scope<>& scope) {
    require(scope.spawn(wait()).has_value(), "there is memory for a task");
    co_return {};
  }
  Task<Ended> wait() {
    const auto waited = co_await event->wait(co_await async::current_token());
    written = 1;
    co_return waited;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// Two children: one fails, which ends the other. Both may end at once.
struct ScopeFailure : rl::test_suite<ScopeFailure, kHarts>, Suite {
  std::optional<Event> event{std::in_place};
  std::array<GuardedWord<unsigned>, 2> written;

  void before() { harts.spawn(hold()).detach(); }
  Task<void> hold() {
    const auto ended =
        co_await async::with_scope({}, [this](async::Scope<>& scope) { return body(scope); });
    require(!ended && ended.error() == WaitError::kClosed, "the first failure counts");
    require(written[0] == 1 && written[1] == 1, "what children did is seen behind their scope");
    event.reset();
  }
  Task<Ended> body(async::Scope<>& scope) {
    require(scope.spawn(wait()).has_value(), "there is memory for a task");
    require(scope.spawn(fail()).has_value(), "there is memory for a task");
    co_return {};
  }
  Task<Ended> wait() {
    const auto waited = co_await event->wait(co_await async::current_token());
    written[0] = 1;
    co_return waited;
  }
  Task<Ended> fail() {
    written[1] = 1;
    co_return base::err(WaitError::kClosed);
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// One waits for an event and one for nothing, while the event comes and both are cancelled.
struct WhenAny : rl::test_suite<WhenAny, kHarts>, Suite {
  std::optional<Event> event{std::in_place};
  std::optional<Event> never{std::in_place};
  std::array<GuardedWord<unsigned>, 2> written;

  void before() {
    harts.spawn(hold()).detach();
    harts.spawn(cancel_and_set()).detach();
  }
  Task<void> hold() {
    const auto first =
        co_await async::when_any(source, std::array{wait(*event, 0), wait(*never, 1)});
    require(first.has_value(), "one is the first");
    require(written[0] == 1 && written[1] == 1, "all have ended");
    require(!first->value || first->index == 0, "what never comes is not the first");
    never.reset();
  }
  Task<Ended> wait(Event& what, std::size_t self) {
    const auto waited = co_await what.wait(co_await async::current_token());
    written[self] = 1;
    co_return waited;
  }
  Task<void> cancel_and_set() {
    source.cancel();
    event->set();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// One waits for an event that comes, and one for nothing: it loses, and is cancelled.
struct Loser : rl::test_suite<Loser, kHarts>, Suite {
  std::optional<Event> event{std::in_place};
  std::optional<Event> never{std::in_place};

  void before() {
    harts.spawn(hold()).detach();
    harts.spawn(set()).detach();
  }
  Task<void> hold() {
    const auto first = co_await async::when_any({}, std::array{wait(*event), wait(*never)});
    require(first && first->index == 0 && first->value.has_value(), "the first is the first");
    never.reset();
  }
  Task<Ended> wait(Event& what) { co_return co_await what.wait(co_await async::current_token()); }
  Task<void> set() {
    event->set();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// An event, a deadline and a cancellation at once.
struct Timeout : rl::test_suite<Timeout, kHarts>, Suite {
  async::TimerWheel wheel;
  std::optional<Event> event{std::in_place};

  void before() {
    harts.set_timers(wheel);
    harts.spawn(hold()).detach();
    harts.spawn(expire()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> hold() {
    const auto ended =
        co_await async::timeout(5, source, [this](CancelToken token) { return wait(token); });
    if (ended) {
      require(ended->error() == WaitError::kCancelled, "a wait ends by its deadline or token");
    } else {
      require(ended.error() == async::TimeoutError::kTimedOut, "there is memory for a task");
    }
    event.reset();
  }
  Task<Ended> wait(CancelToken token) { co_return co_await event->wait(token); }
  Task<void> expire() {
    wheel.expire(10);
    co_return;
  }
  void after() {
    require(harts.all_ended(), "all tasks end");
    wheel.expire(20);
    require(wheel.next_deadline() == async::kNever, "no timer is left");
  }
};

/// A deadline and a cancellation at once, of a task that waits for nothing else.
struct Sleep : rl::test_suite<Sleep, kHarts>, Suite {
  async::TimerWheel wheel;

  void before() {
    harts.set_timers(wheel);
    harts.spawn(hold()).detach();
    harts.spawn(expire()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> hold() {
    const Ended slept = co_await async::sleep_until(5, source);
    require(slept || slept.error() == WaitError::kCancelled, "a sleep ends by its time or token");
  }
  Task<void> expire() {
    wheel.expire(10);
    co_return;
  }
  void after() {
    require(harts.all_ended(), "all tasks end");
    wheel.expire(20);
    require(wheel.next_deadline() == async::kNever, "no timer is left");
  }
};

/// An alarm that goes off while it is given up, with the event that it would set.
struct Alarm : rl::test_suite<Alarm, 2> {
  async::TimerWheel wheel;
  std::optional<Event> event{std::in_place};
  std::optional<async::Alarm> alarm;

  void before() { alarm.emplace(*event).arm(wheel, 5); }
  void thread(unsigned thread) {
    if (thread == 0) {
      wheel.expire(10);
      return;
    }
    alarm->disarm();
    const bool was_set = event->is_set();
    require(was_set == event->is_set(), "nothing goes off behind the disarming");
    alarm.reset();
    event.reset();
  }
};

/// A deadline that comes while it is given up; its end is its owner's.
struct Settle : rl::test_suite<Settle, 2> {
  async::TimerWheel wheel;
  std::optional<async::Deadline> limit;

  void before() { limit.emplace(wheel, 5, CancelToken()); }
  void thread(unsigned thread) {
    if (thread == 0) {
      wheel.expire(10);
      return;
    }
    const bool was_cancelled = limit->token().cancelled();
    const bool has_passed = limit->settle();
    require(has_passed || !was_cancelled, "what was cancelled has passed");
    require(has_passed == limit->token().cancelled(), "nothing happens behind the settling");
    limit.reset();
  }
};

constexpr std::array kLockControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kLinkControls{
    Control{"flags do not acquire", kFlagWord, Weakening::kAcquire},
    Control{"flags do not release", kFlagWord, Weakening::kRelease},
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kEndControls{
    kLockControls[0],
    kLockControls[1],
    Control{"a child leaves before its link is cut", 0, Weakening::kBroken},
    Control{"who leaves last wakes, then gives the lock back", 0, Weakening::kBroken},
    Control{"a scope does not wait for its children", 0, Weakening::kBroken},
};
constexpr std::array kFailureControls{
    kLockControls[0],
    kLockControls[1],
    Control{"who fails cancels nobody", 0, Weakening::kBroken},
};
constexpr std::array kLoserControls{
    kLockControls[0],
    kLockControls[1],
    Control{"who comes first cancels nobody", 0, Weakening::kBroken},
    Control{"each counts as the first", 0, Weakening::kBroken},
};
constexpr std::array kDeadlineControls{
    kLockControls[0],
    kLockControls[1],
    Control{"a deadline is given up without its wheel", 0, Weakening::kBroken},
    Control{"a deadline that is coming is not waited for", 0, Weakening::kBroken},
};
constexpr std::array kModels{
    Model{"link", &rl::simulate<Link>, 3, 5, 0, kLinkControls},
    Model{"scope_end", &rl::simulate<ScopeEnd>, 2, 3, 100'000, kEndControls},
    Model{"scope_failure", &rl::simulate<ScopeFailure>, 2, 3, 100'000, kFailureControls},
    Model{"when_any", &rl::simulate<WhenAny>, 2, 3, 100'000, kLockControls},
    Model{"loser", &rl::simulate<Loser>, 2, 3, 100'000, kLoserControls},
    Model{"timeout", &rl::simulate<Timeout>, 2, 3, 100'000, kDeadlineControls},
    Model{"sleep", &rl::simulate<Sleep>, 2, 3, 100'000, kLockControls},
    Model{"alarm", &rl::simulate<Alarm>, 5, 7, 0, kLockControls},
    Model{"settle", &rl::simulate<Settle>, 5, 7, 0, kDeadlineControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
