// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The test image's purpose: run the tests that `tests=` names, and end the machine with 0 or 1.
#include "runner.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/boot/program.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/page_audit.hpp>

#include "selection.hpp"
#include "watch.hpp"

namespace quoll::tests {

extern "C" {
extern const Test __tests_start[];
extern const Test __tests_end[];
}

namespace {

constexpr std::size_t kMaxName = 128;

std::string_view full_name(const Test& test, std::span<char> out) noexcept {
  return {out.data(), log::format_to(out, "{}.{}", test.suite, test.name)};
}

bool is_wanted(const Test& test, std::string_view filter) noexcept {
  std::array<char, kMaxName> name;
  const Match found = match(filter, full_name(test, name));
  return test.kind == Kind::kUsual ? found != Match::kNone : found == Match::kInFull;
}

bool runs_beside_others(const Test* test) noexcept {
  return test->expectations->find("beside_others") != nullptr;
}

const char* kind_of(const Test& test) noexcept {
  switch (test.kind) {
    case Kind::kUsual:
      return "usual";
    case Kind::kApart:
      return "apart";
    case Kind::kDeath:
      return "death";
  }
  return "";
}

/// For whoever starts machines: tools/lib/quoll/expectation.py reads it.
void list(const Test& test) noexcept {
  say("[ TEST     ] {}.{} {}\n", test.suite, test.name, kind_of(test));
  for (const Expectation& expectation : test.expectations->all()) {
    for (const char* text : expectation.texts()) {
      say("[ EXPECTS  ] {} {}\n", expectation.word(), text);
    }
  }
}

void list_all(std::string_view filter) noexcept {
  for (const Test& test : std::span(__tests_start, __tests_end)) {
    std::array<char, kMaxName> name;
    if (match(filter, full_name(test, name)) != Match::kNone) list(test);
  }
}

/// The tests of this run: first those that run beside others, then those that run alone.
class Plan {
 public:
  /// Nothing when there is no memory for it.
  static std::optional<Plan> make(const boot::Arguments& arguments) noexcept {
    const std::span all(__tests_start, __tests_end);
    Plan plan;
    plan.memory_.reset(new (std::nothrow) const Test*[all.size() + 1]);
    if (plan.memory_ == nullptr) return std::nullopt;
    for (const Test& test : all) {
      if (is_wanted(test, arguments.tests)) plan.memory_[plan.count_++] = &test;
    }
    const std::span<const Test*> order = plan.order();
    if (arguments.tests_shuffle) shuffle(order, chosen_seed(*arguments.tests_shuffle));
    // Not std::stable_partition, which takes memory of its own.
    std::size_t beside = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (!runs_beside_others(order[i])) continue;
      std::rotate(order.begin() + static_cast<std::ptrdiff_t>(beside),
                  order.begin() + static_cast<std::ptrdiff_t>(i),
                  order.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      ++beside;
    }
    plan.beside_ = beside;
    plan.skip(arguments.tests_after);
    return plan;
  }

  std::span<const Test* const> beside_others() const noexcept {
    return std::span(memory_.get(), beside_).subspan(std::min(first_, beside_));
  }
  std::span<const Test* const> alone() const noexcept {
    return std::span(memory_.get(), count_).subspan(std::max(first_, beside_));
  }

 private:
  std::span<const Test*> order() noexcept { return {memory_.get(), count_}; }

  static std::uint64_t chosen_seed(std::uint64_t asked) noexcept {
    while (asked == 0) random::fill(std::as_writable_bytes(std::span(&asked, 1)));
    say("tests.shuffle={}\n", asked);
    return asked;
  }

  /// Leaves out that test and all before it.
  void skip(std::string_view last) noexcept {
    if (last.empty()) return;
    for (std::size_t i = 0; i < count_; ++i) {
      std::array<char, kMaxName> name;
      if (full_name(*memory_[i], name) == last) first_ = i + 1;
    }
    if (first_ == 0) say("tests.after={} is none of these tests\n", last);
  }

  std::unique_ptr<const Test*[]> memory_;
  std::size_t count_ = 0;
  std::size_t beside_ = 0;
  std::size_t first_ = 0;
};

struct Count {
  std::atomic<unsigned> passed{0};
  std::atomic<unsigned> failed{0};

  async::Task<void> run(const Test& test, Company company) {
    const auto result = co_await run_one(test, company).checked();
    (result.has_value() && *result ? passed : failed).fetch_add(1);
  }
};

/// Takes one test after the other from those that all workers share.
async::Task<void> work(std::span<const Test* const> tests, std::atomic<std::size_t>& next,
                       Count& count) {
  for (;;) {
    const std::size_t at = next.fetch_add(1);
    if (at >= tests.size()) co_return;
    if (!co_await count.run(*tests[at], Company::kOthers).checked()) count.failed.fetch_add(1);
  }
}

async::Task<void> run_beside_others(std::span<const Test* const> tests, Count& count) {
  std::atomic<std::size_t> next{0};
  std::array<async::JoinHandle<>, kMostAtOnce> workers;
  std::size_t hired = 0;
  const std::size_t wanted =
      std::min<std::size_t>({arch::Harts::count() + std::size_t{1}, kMostAtOnce, tests.size()});
  for (; hired < wanted; ++hired) {
    auto worker = exec::spawn(work(tests, next, count), "test worker");
    if (!worker) break;
    workers[hired] = std::move(*worker);
  }
  for (std::size_t i = 0; i < hired; ++i) (void)co_await workers[i].join();
  // Without memory for any worker: here.
  if (next.load() < tests.size()) (void)co_await work(tests, next, count).checked();
}

async::Task<void> end_machine(std::uint8_t status) {
  (void)co_await device::write_trace().checked();
  (void)co_await device::flush().checked();
  device::power_off(status);
}

async::Task<void> run_all() {
  const boot::Arguments& arguments = kernel::state().arguments;
  if (arguments.tests_list) {
    list_all(arguments.tests);
    (void)co_await end_machine(0).checked();
  }
  const auto plan = Plan::make(arguments);
  if (!plan) panic::panic("no memory for the list of tests");
  if (!prepare_page_audit()) panic::panic("no memory for the page-table auditor");
  Count count;
  (void)co_await run_beside_others(plan->beside_others(), count).checked();
  for (const Test* const test : plan->alone()) {
    if (!co_await count.run(*test, Company::kAlone).checked()) count.failed.fetch_add(1);
  }
  const unsigned passed = count.passed.load();
  const unsigned failed = count.failed.load();
  say("{} passed, {} failed\n", passed, failed);
  // Behind the last test there may be none.
  const bool well = failed == 0 && (passed != 0 || !arguments.tests_after.empty());
  (void)co_await end_machine(well ? 0 : 1).checked();
}

}  // namespace
}  // namespace quoll::tests

namespace quoll::boot {

async::Task<void> main_program() {
  return tests::run_all();
}

}  // namespace quoll::boot
