// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The test image's purpose: run the tests that `tests=` names, and end the machine with 0 or 1.
#include <atomic>

#include <quoll/kernel/boot/program.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>

namespace quoll::tests {

extern "C" {
extern const Test __tests_start[];
extern const Test __tests_end[];
}

namespace {

constinit std::atomic<unsigned> failures{0};

template <typename... A>
void say(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
  std::array<char, 256> text;
  const std::size_t size = log::format_to(std::span<char>(text), format, values...);
  tracing::write(std::string_view(text.data(), size));
}

/// `*` stands for any run of characters; several patterns are separated by commas or colons.
bool matches(std::string_view pattern, std::string_view text) noexcept {
  while (!pattern.empty() && pattern.front() != '*') {
    if (text.empty() || text.front() != pattern.front()) return false;
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  if (pattern.empty()) return text.empty();
  pattern.remove_prefix(1);
  for (std::size_t skip = 0; skip <= text.size(); ++skip) {
    if (matches(pattern, text.substr(skip))) return true;
  }
  return false;
}

bool is_wanted(const Test& test, std::string_view filter) noexcept {
  if (filter.empty()) return test.kind == Kind::kUsual;
  std::array<char, 128> name;
  const std::size_t size = log::format_to(std::span<char>(name), "{}.{}", test.suite, test.name);
  const std::string_view full(name.data(), size);
  while (!filter.empty()) {
    const std::size_t end = std::min(filter.find_first_of(",:"), filter.size());
    const std::string_view pattern = filter.substr(0, end);
    filter.remove_prefix(std::min(end + 1, filter.size()));
    if (pattern == full) return true;
    if (test.kind != Kind::kUsual) continue;
    if (matches(pattern, full) || pattern == test.suite) return true;
  }
  return false;
}

async::Task<bool> run_one(const Test& test) {
  const unsigned before = failures.load();
  const exec::Ticks start = exec::now();
  say("[ RUN      ] {}.{}\n", test.suite, test.name);
  if (test.plain != nullptr) {
    test.plain();
    if (test.kind == Kind::kDeath) report_failure(__FILE__, __LINE__, "the machine to stop");
  } else if (!co_await test.task().checked()) {
    report_failure(__FILE__, __LINE__, "no memory for the test's coroutine");
  }
  const bool passed = failures.load() == before;
  say("[ {} ] {}.{} ({} ms)\n", passed ? "      OK" : " FAILED ", test.suite, test.name,
      exec::nanoseconds_from_ticks(exec::now() - start) / 1'000'000);
  co_return passed;
}

}  // namespace

void report_failure(const char* file, unsigned line, std::string_view message) noexcept {
  failures.fetch_add(1);
  say("{}:{}: expected {}\n", file, line, message);
}

}  // namespace quoll::tests

namespace quoll::boot {

async::Task<void> main_program() {
  using namespace tests;
  unsigned passed = 0;
  unsigned failed = 0;
  for (const Test* test = __tests_start; test != __tests_end; ++test) {
    if (!is_wanted(*test, kernel::state().arguments.tests)) continue;
    const auto result = co_await run_one(*test).checked();
    if (result.has_value() && *result) {
      ++passed;
    } else {
      ++failed;
    }
  }
  say("{} passed, {} failed\n", passed, failed);
  (void)co_await device::write_trace().checked();
  (void)co_await device::flush().checked();
  device::power_off(failed == 0 && passed != 0 ? 0 : 1);
}

}  // namespace quoll::boot
