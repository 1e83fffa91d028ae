// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/bootargs/value.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/page_audit.hpp>

#include "runner.hpp"
#include "watch.hpp"

namespace quoll::tests {
namespace {

async::Task<void> body(const Test& test, Place& place) {
  begin(place);
  if (test.plain != nullptr) {
    test.plain();
  } else if (!co_await test.task().checked()) {
    report_failure(__FILE__, __LINE__, "memory for the test's coroutine");
  }
  if (test.kind == Kind::kDeath) report_failure(__FILE__, __LINE__, "the machine to stop");
}

/// Gives the test up at its limit.
async::Task<void> give_up(exec::Ticks limit, async::CancelToken is_over,
                          async::CancelSource& given_up) {
  if (co_await async::sleep_until(limit, is_over)) given_up.cancel();
}

/// How long the test may take, in nanoseconds.
std::uint64_t allowed_time(const Test& test) noexcept {
  const std::uint64_t usual = kernel::state().arguments.tests_limit;
  const Expectation* const own = test.expectations->find("within");
  if (own == nullptr || own->texts().empty()) return usual;
  const auto time = bootargs::parse_number(own->texts().front(), bootargs::Unit::kTime);
  if (!time) report_failure(__FILE__, __LINE__, "a time in within()");
  return time.value_or(usual);
}

async::Task<void> give_way(exec::Ticks until) {
  while (exec::now() < until) co_await exec::yield_now();
}

/// Stops the machine if a hart does not take tasks any more, though there are enough for all.
async::Task<void> expect_free_harts(const Test& test) {
  const unsigned harts = arch::Harts::count();
  std::array<std::uint64_t, sync::kMaxHarts> before{};
  for (unsigned i = 0; i < harts; ++i) before[i] = exec::executor().resumed(i);
  const exec::Ticks until = exec::now() + exec::ticks_per_second() / 2;
  for (unsigned i = 0; i < 2 * harts; ++i) (void)exec::spawn(give_way(until), "give way");
  (void)co_await async::sleep_until(until + exec::ticks_per_second() / 2);
  for (unsigned i = 0; i < harts; ++i) {
    if (exec::executor().resumed(i) != before[i]) continue;
    std::array<char, 160> text;
    const std::size_t size =
        log::format_to(std::span<char>(text), "test {}.{} is over its limit and holds hart {}",
                       test.suite, test.name, i);
    panic::stop({text.data(), size});
  }
}

/// Runs it as a task of its own, which may end in any way.
async::Task<void> supervise(const Test& test, Place& place, exec::Ticks limit) {
  async::CancelSource given_up;
  async::CancelSource is_over;
  auto watcher = exec::spawn(give_up(limit, is_over, given_up), "time limit");
  auto running = exec::spawn(body(test, place), test.name);
  if (!watcher || !running) {
    report_failure(__FILE__, __LINE__, "memory for the test's task");
  } else {
    const auto joined = co_await running->join(given_up);
    if (!joined && joined.error() == async::WaitError::kPanicked) {
      report_failure(__FILE__, __LINE__, "no panic of the test itself");
    } else if (!joined) {
      say("{}.{} is over its limit and was given up\n", test.suite, test.name);
      place.failures.fetch_add(1);
    }
  }
  is_over.cancel();
  // It holds on to what lies here.
  if (watcher) (void)co_await watcher->join();
}

/// What is in use before a test and after it.
class Accounts {
 public:
  void open() noexcept { before_ = after_ = Balance::now(); }
  bool balance() noexcept {
    after_ = Balance::now();
    return after_.within(before_);
  }
  void print() const noexcept {
    say("{} frames, {} bytes in {} objects and {} tasks before; {}, {}, {} and {} after\n",
        before_.frames, before_.heap_bytes, before_.heap_objects, before_.tasks, after_.frames,
        after_.heap_bytes, after_.heap_objects, after_.tasks);
  }

 private:
  Balance before_;
  Balance after_;
};

}  // namespace

void report_failure(const char* file, unsigned line, std::string_view message) noexcept {
  count_failure();
  say("{}:{}: expected {}\n", file, line, message);
}

async::Task<bool> run_one(const Test& test, Company company) {
  const bool balanced =
      company == Company::kAlone && test.expectations->find("unbalanced") == nullptr;
  const exec::Ticks start = exec::now();
  say("[ RUN      ] {}.{}\n", test.suite, test.name);
  Place& place = enter(test);
  Accounts accounts;
  // What is kept after the first time may be made once for all; after a second time it is lost.
  for (unsigned round = 0; round < 2; ++round) {
    const exec::Ticks limit = exec::now() + exec::ticks_from_nanoseconds(allowed_time(test));
    place.limit.store(limit);
    accounts.open();
    if (!co_await supervise(test, place, limit).checked()) {
      report_failure(__FILE__, __LINE__, "memory for the runner");
    }
    if (exec::now() >= limit) {
      (void)co_await expect_free_harts(test).checked();
      break;
    }
    if (!balanced || place.failures.load() != 0) break;
    // Others count themselves out just after they have woken us. One time at which nothing is more
    // is enough: a look after that may meet what somebody else holds for a moment.
    const exec::Ticks patience = exec::now() + exec::ticks_per_second() / 2;
    bool is_balanced = accounts.balance();
    while (!is_balanced && exec::now() < patience) {
      (void)co_await async::sleep_until(exec::now() + exec::ticks_per_second() / 2000);
      is_balanced = accounts.balance();
    }
    if (is_balanced) break;
    if (round == 0) continue;
    report_failure(__FILE__, __LINE__, "a balance after the second time");
    accounts.print();
  }
  if (!co_await expect_sound_pages().checked()) {
    report_failure(__FILE__, __LINE__, "memory for the auditor");
  }
  const bool passed = place.failures.load() == 0;
  leave(place);
  say("[ {} ] {}.{} ({} ms)\n", passed ? "      OK" : " FAILED ", test.suite, test.name,
      exec::nanoseconds_from_ticks(exec::now() - start) / 1'000'000);
  co_return passed;
}

}  // namespace quoll::tests
