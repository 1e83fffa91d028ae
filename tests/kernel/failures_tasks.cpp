// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Panics that end a task and nothing else: "Panics in tasks" of docs/panic.md. Each test ends with
// as many frames, heap objects and tasks as it began with.
#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "failures_support.hpp"

namespace quoll::failures {
namespace {

using async::Task;
using async::WaitError;

/// Runs `task` to its end; whether a panic was that end.
template <typename T>
Task<bool> ends_by_panic(Task<T> task, const char* name) {
  auto spawned = exec::spawn(std::move(task), name);
  if (!spawned) co_return false;
  const auto joined = co_await spawned->join();
  co_return !joined && joined.error() == WaitError::kPanicked;
}
/// The same with the machine's figures as they were before.
#define EXPECT_CONTAINED(task, name)                                                 \
  do {                                                                               \
    const auto quoll_before = (co_await tests::balance_at_rest().checked()).value(); \
    const auto quoll_ended = co_await ends_by_panic(task, name).checked();           \
    EXPECT_TRUE(quoll_ended.has_value() && *quoll_ended);                            \
    EXPECT_BALANCED(quoll_before);                                                   \
  } while (false)

Task<void> plain_body() {
  panic_plainly("the test says 42");
  co_return;
}
KTEST_TASK(Failures, PanicInTask, says("the test says 42"), names("panic_plainly", "plain_body")) {
  EXPECT_CONTAINED(plain_body(), "plain");
}

QUOLL_NAMED void assert_wrongly(unsigned one) {
  QUOLL_ASSERT(one + 1 == 3);
}
Task<void> asserting_body() {
  assert_wrongly(opaque(1U));
  co_return;
}
KTEST_TASK(Failures, AssertionInTask, says("one + 1 == 3"),
           names("assert_wrongly", "asserting_body"),
           prints("at quoll/tests/kernel/failures_tasks.cpp:")) {
  EXPECT_CONTAINED(asserting_body(), "asserting");
}

[[gnu::always_inline]] inline void assert_inlined(unsigned two) {
  QUOLL_ASSERT(two == 3);
}
QUOLL_NAMED void assert_somewhere_inside() {
  assert_inlined(opaque(2U));
}
Task<void> inlined_body() {
  assert_somewhere_inside();
  co_return;
}
KTEST_TASK(Failures, AssertionInlined, says("two == 3"),
           names("assert_inlined (inlined)", "assert_somewhere_inside")) {
  EXPECT_CONTAINED(inlined_body(), "inlined");
}

QUOLL_NAMED int take_missing_value(const base::Result<int, WaitError>& result) {
  return result.value();
}
Task<int> missing_value_body() {
  const base::Result<int, WaitError> nothing = base::err(opaque(WaitError::kClosed));
  co_return take_missing_value(nothing);
}
KTEST_TASK(Failures, ResultWithoutValue, says("has_value_"), names("take_missing_value")) {
  EXPECT_CONTAINED(missing_value_body(), "valueless");
}

/// The order in which things went.
class Trail {
 public:
  void note(int what) noexcept { steps_[count_++ % steps_.size()] = what; }
  bool is(int a, int b, int c) const noexcept {
    return count_ == 3 && steps_[0] == a && steps_[1] == b && steps_[2] == c;
  }

 private:
  std::array<int, 8> steps_{};
  std::size_t count_ = 0;
};
struct NotesItsEnd {
  ~NotesItsEnd() { trail.note(what); }
  Trail& trail;
  int what;
};

/// Keeps that hart, if it is there, until the flag is set; what waits there goes elsewhere.
Task<void> block_hart(unsigned hart, const std::atomic<bool>& over) {
  while (arch::Harts::id() == hart && !over.load()) {
    exec::executor().offer_work();
    arch::Interrupts::relax();
  }
  co_return;
}
/// Suspends on one hart and comes back on another.
Task<void> leave_hart() {
  static std::atomic<bool> left{false};
  left.store(false);
  const unsigned hart = arch::Harts::id();
  while (arch::Harts::id() == hart) {
    if (!exec::spawn(block_hart(hart, left), "blocker")) co_return;
    co_await exec::yield_now();
  }
  left.store(true);
}

Task<int> third_level(Trail& trail, bool elsewhere) {
  const NotesItsEnd note{trail, 3};
  if (elsewhere) (void)co_await leave_hart().checked();
  co_await exec::yield_now();
  panic_plainly("deep inside");
  co_return 1;
}
Task<int> second_level(Trail& trail, bool elsewhere) {
  const NotesItsEnd note{trail, 2};
  const auto value = co_await third_level(trail, elsewhere).checked();
  co_return *value + 1;
}
Task<int> first_level(Trail& trail, bool elsewhere) {
  const NotesItsEnd note{trail, 1};
  const auto value = co_await second_level(trail, elsewhere).checked();
  co_return *value + 1;
}
KTEST_TASK(Failures, PanicAcrossAwaits, says("deep inside"),
           names("panic_plainly", "third_level", "second_level", "first_level")) {
  Trail trail;
  EXPECT_CONTAINED(first_level(trail, false), "levels");
  EXPECT_TRUE(trail.is(3, 2, 1));
}

KTEST_TASK(Failures, PanicAfterMigration, says("deep inside"),
           names("panic_plainly", "third_level", "second_level", "first_level"), harts("2")) {
  if (arch::Harts::count() == 1) co_return;
  Trail trail;
  EXPECT_CONTAINED(first_level(trail, true), "moved");
  EXPECT_TRUE(trail.is(3, 2, 1));
}

Task<void> awaited_body() {
  panic_plainly("awaited");
  co_return;
}
Task<bool> joining_body() {
  auto spawned = exec::spawn(awaited_body(), "awaited");
  if (!spawned) co_return false;
  const auto joined = co_await spawned->join();
  co_await exec::yield_now();
  co_return !joined && joined.error() == WaitError::kPanicked;
}
KTEST_TASK(Failures, PanicInAwaited, says("awaited"), names("panic_plainly", "awaited_body")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  auto spawned = exec::spawn(joining_body(), "joiner");
  CO_ASSERT_TRUE(spawned.has_value());
  const auto joined = co_await spawned->join();
  EXPECT_TRUE(joined.has_value() && *joined);
  spawned->detach();
  EXPECT_BALANCED(before);
}

Task<void> detached_body() {
  panic_plainly("nobody looks");
  co_return;
}
KTEST_TASK(Failures, PanicDetached, says("nobody looks"), names("panic_plainly", "detached_body")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    CO_ASSERT_TRUE(exec::spawn(detached_body(), "detached").has_value());
  }
  EXPECT_BALANCED(before);
}

Task<void> cancelled_body(std::atomic<bool>& waiting) {
  async::CancelSource& source = exec::executor().current()->cancel_source();
  waiting.store(true);
  const auto slept = co_await exec::sleep_until(async::kNever, source);
  if (!slept) panic_plainly("after cancellation");
}
KTEST_TASK(Failures, PanicCancelled, says("after cancellation"),
           names("panic_plainly", "cancelled_body")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  std::atomic<bool> waiting{false};
  auto spawned = exec::spawn(cancelled_body(waiting), "cancelled");
  CO_ASSERT_TRUE(spawned.has_value());
  while (!waiting.load()) co_await exec::yield_now();
  spawned->cancel();
  const auto joined = co_await spawned->join();
  EXPECT_TRUE(!joined && joined.error() == WaitError::kPanicked);
  spawned->detach();
  EXPECT_BALANCED(before);
}

struct LateDestructor {
  QUOLL_NAMED ~LateDestructor() noexcept(false) { panic::panic("too late"); }
};
Task<int> late_body() {
  const LateDestructor late;
  co_return 7;
}
KTEST_TASK(Failures, PanicWithValue, says("too late"),
           names("LateDestructor::~LateDestructor", "late_body")) {
  EXPECT_CONTAINED(late_body(), "late");
}

struct Copied {
  Copied() = default;
  QUOLL_NAMED Copied(const Copied&) { panic::panic("copied"); }
  Copied& operator=(const Copied&) = delete;
};
Task<void> take_parameter(Copied) {
  co_return;
}
Task<void> copying_body() {
  (void)co_await take_parameter(Copied()).checked();
}
KTEST_TASK(Failures, PanicInParameter, says("copied"),
           names("Copied::Copied", "take_parameter", "copying_body")) {
  EXPECT_CONTAINED(copying_body(), "copying");
}

Task<void> hold_and_panic(async::Mutex& mutex) {
  const auto held = co_await mutex.lock();
  co_await exec::yield_now();
  if (held) panic_plainly("with the mutex");
}
Task<bool> take_and_leave(async::Mutex& mutex) {
  const auto held = co_await mutex.lock();
  co_return held.has_value();
}
KTEST_TASK(Failures, PanicInHeldMutex, says("with the mutex"),
           names("panic_plainly", "hold_and_panic")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  async::Mutex mutex;
  {
    auto first = exec::spawn(hold_and_panic(mutex), "holder");
    CO_ASSERT_TRUE(first.has_value());
    co_await exec::yield_now();
    auto second = exec::spawn(take_and_leave(mutex), "next");
    CO_ASSERT_TRUE(second.has_value());
    const auto panicked = co_await first->join();
    EXPECT_TRUE(!panicked && panicked.error() == WaitError::kPanicked);
    const auto taken = co_await second->join();
    EXPECT_TRUE(taken.has_value() && *taken);
  }
  EXPECT_BALANCED(before);
}

QUOLL_NAMED void panic_together() {
  panic::panic("all at once");
}
Task<void> gathered_body(Gathering& gathering) {
  (void)co_await hold_a_hart(gathering).checked();
  panic_together();
}
KTEST_TASK(Failures, PanicInSleeperOnEveryHart, says("all at once"), names("panic_together"),
           on_each_hart("1")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    Gathering gathering;
    std::array<async::JoinHandle<void>, sync::kMaxHarts> tasks;
    const unsigned count = arch::Harts::count();
    for (unsigned i = 0; i < count; ++i) {
      auto spawned = exec::spawn(gathered_body(gathering), "gathered");
      CO_ASSERT_TRUE(spawned.has_value());
      tasks[i] = std::move(*spawned);
    }
    for (unsigned i = 0; i < count; ++i) {
      const auto joined = co_await tasks[i].join();
      EXPECT_TRUE(!joined && joined.error() == WaitError::kPanicked);
    }
  }
  EXPECT_BALANCED(before);
}

constexpr unsigned kThousand = 1000;

QUOLL_NAMED void panic_again() {
  panic::panic("again");
}
Task<void> again_body() {
  panic_again();
  co_return;
}
/// A thousand panics on whatever hart it finds, without leaving it.
Task<unsigned> panic_thousand_times(Gathering& gathering, std::atomic<unsigned>& turn) {
  (void)co_await hold_a_hart(gathering).checked();
  while (turn.load() != arch::Harts::id()) arch::Interrupts::relax();
  unsigned contained = 0;
  for (unsigned i = 0; i < kThousand; ++i) {
    const auto outcome = co_await again_body().contained();
    if (!outcome && outcome.error() == async::TaskError::kPanicked) ++contained;
  }
  turn.fetch_add(1);
  co_return contained;
}
KTEST_TASK_APART(Failures, PanicThousandTimes, says("again"), bootargs("backtrace=off"),
                 on_each_hart("1000")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  const std::uint64_t contained_before = panic::contained();
  const unsigned count = arch::Harts::count();
  {
    Gathering gathering;
    std::atomic<unsigned> turn{0};
    std::array<async::JoinHandle<unsigned>, sync::kMaxHarts> tasks;
    for (unsigned i = 0; i < count; ++i) {
      auto spawned = exec::spawn(panic_thousand_times(gathering, turn), "again");
      CO_ASSERT_TRUE(spawned.has_value());
      tasks[i] = std::move(*spawned);
    }
    for (unsigned i = 0; i < count; ++i) {
      const auto joined = co_await tasks[i].join();
      EXPECT_TRUE(joined.has_value() && *joined == kThousand);
    }
  }
  EXPECT_EQ(panic::contained() - contained_before, std::uint64_t{kThousand} * count);
  EXPECT_BALANCED(before);
}

class HalfMade {
 public:
  explicit HalfMade(void (*use)(HalfMade&)) { use(*this); }
  virtual void act() = 0;

 protected:
  ~HalfMade() = default;
};
class Made final : public HalfMade {
 public:
  using HalfMade::HalfMade;
  void act() override {}
};
QUOLL_NAMED void call_pure_virtual(HalfMade& object) {
  object.act();
}
Task<void> half_made_body() {
  const Made made(opaque(&call_pure_virtual));
  co_return;
}
KTEST_TASK(Failures, PureVirtual, says("a pure virtual function was called"),
           names("call_pure_virtual", "half_made_body")) {
  EXPECT_CONTAINED(half_made_body(), "half made");
}

// From here on the panic reaches something that must not let it through: the machine stops.

QUOLL_NAMED void call_abort() {
  std::abort();
}
KTEST_DEATH(Failures, Abort, says("abort"), names("call_abort")) {
  call_abort();
}

QUOLL_NAMED void call_terminate() {
  std::terminate();
}
KTEST_DEATH(Failures, Terminate, says("std::terminate"), names("call_terminate")) {
  call_terminate();
}

QUOLL_NAMED void promise_not_to() noexcept {
  panic_plainly("under noexcept");
}
KTEST_DEATH(Failures, PanicInNoexcept, says("under noexcept"),
            names("panic_plainly", "promise_not_to"), then("a panic reached a noexcept function")) {
  promise_not_to();
}

/// Breaks when it ends.
class Broken {
 public:
  explicit Broken(void (*fail)()) noexcept : fail_(fail) {}
  Broken(const Broken&) = delete;
  Broken& operator=(const Broken&) = delete;
  QUOLL_NAMED ~Broken() { fail_(); }

 private:
  void (*fail_)();
};
QUOLL_NAMED void end_broken(void (*fail)()) {
  const Broken broken(fail);
}
KTEST_DEATH(Failures, PanicInDestructor, says("in a destructor"), names("Broken::~Broken"),
            then("a panic reached a noexcept function")) {
  end_broken(opaque(+[] { panic_plainly("in a destructor"); }));
}

QUOLL_NAMED void panic_with_broken(void (*fail)()) {
  const Broken broken(fail);
  panic_plainly("first");
}
KTEST_DEATH(Failures, PanicWhileUnwinding, says("first"),
            names("panic_plainly", "panic_with_broken"), then("second"),
            names("panic_plainly", "Broken::~Broken")) {
  panic_with_broken(opaque(+[] { panic_plainly("second"); }));
}

KTEST_DEATH(Failures, FaultWhileUnwinding, says("first"),
            names("panic_plainly", "panic_with_broken"), then("null pointer: load page fault …"),
            names("Broken::~Broken")) {
  panic_with_broken(opaque(+[] { (void)*somewhere(0); }));
}

}  // namespace
}  // namespace quoll::failures
