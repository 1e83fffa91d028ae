// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "watch.hpp"

#include <algorithm>
#include <array>

#include <quoll/arch/current.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/panic/panic.hpp>

namespace quoll::tests {
namespace {

constinit std::array<Place, kMostAtOnce> places;

/// How long after a limit an interrupt stops the machine. A test that lets others run has long been
/// given up by then, by the task that waits for it.
async::Ticks grace() noexcept {
  return exec::ticks_per_second() * 2;
}

/// A hart that runs nothing leaves it to the one that a test holds, for a while: there the report
/// shows what it does. If that one takes no interrupts, it is this hart's.
bool another_tells() noexcept {
  if (exec::current_task() != nullptr) return false;
  const async::Ticks until = exec::now() + exec::ticks_per_second() / 5;
  while (exec::now() < until) {
    if (panic::in_progress()) return true;
    arch::Interrupts::relax();
  }
  return false;
}

/// An interrupt at a time when the limit of some test was over for long.
void ring() noexcept {
  const async::Ticks now = exec::now();
  if (another_tells()) return;
  for (const Place& place : places) {
    const Test* const test = place.test.load();
    if (test == nullptr || now < place.limit.load() || now - place.limit.load() < grace()) continue;
    std::array<char, 160> text;
    const std::size_t size =
        log::format_to(std::span<char>(text), "test {}.{} is over its limit and holds a hart",
                       test->suite, test->name);
    panic::stop({text.data(), size});
  }
}

void set_alarm() noexcept {
  async::Ticks first = async::kNever;
  for (const Place& place : places) first = std::min(first, place.limit.load());
  irq::set_alarm(first == async::kNever ? first : first + grace(), &ring);
}

}  // namespace

Place& enter(const Test& test) noexcept {
  for (Place& place : places) {
    const Test* expected = nullptr;
    if (!place.test.compare_exchange_strong(expected, &test)) continue;
    place.task.store(0);
    place.failures.store(0);
    return place;
  }
  base::assertion_failed("a place for the test", __FILE__, unsigned{__LINE__});
}

void leave(Place& place) noexcept {
  place.limit.store(async::kNever);
  place.task.store(0);
  place.test.store(nullptr);
  set_alarm();
}

void begin(Place& place) noexcept {
  if (const async::TaskHeader* const task = exec::current_task()) place.task.store(task->id());
  set_alarm();
}

void count_failure() noexcept {
  const async::TaskHeader* const task = exec::current_task();
  if (task != nullptr) {
    for (Place& place : places) {
      if (place.task.load() != task->id()) continue;
      place.failures.fetch_add(1);
      return;
    }
  }
  for (Place& place : places) {
    if (place.test.load() != nullptr) place.failures.fetch_add(1);
  }
}

}  // namespace quoll::tests
