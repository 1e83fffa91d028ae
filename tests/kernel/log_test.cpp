// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The log as the kernel writes it: what a line that nobody wants costs, spans that go with their
// task, and lines that stay whole.
#include <array>
#include <atomic>
#include <string_view>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/log.hpp>

namespace quoll::tracing {

QUOLL_LOG_TARGET(kLogTest, "log-test");

namespace {

/// What is logged from here on, as the ring has it.
class Recording {
 public:
  std::string_view text() noexcept {
    std::uint64_t from = start_;
    const std::size_t size = read_ring(from, std::as_writable_bytes(std::span(text_)));
    return {text_.data(), size};
  }
  bool says(std::string_view part) noexcept { return text().find(part) != std::string_view::npos; }

 private:
  std::uint64_t start_ = ring_end();
  std::array<char, 6144> text_{};
};

KTEST(Log, AsksEachTarget) {
  Recording recording;
  kLogTest.set_level(log::Level::kInfo);
  log::info(kLogTest, "the answer is {}", 42);
  log::debug(kLogTest, "not wanted");
  kLogTest.set_level(log::Filter::kDefaultLevel);
  log::info(kLogTest, "not wanted");
  EXPECT_TRUE(recording.says("INFO  log-test: the answer is 42\n"));
  EXPECT_FALSE(recording.says("not wanted"));
}

KTEST_TASK(Log, TellsTheTask) {
  Recording recording;
  const async::TaskHeader& task = co_await async::current_task();
  log::warn(kLogTest, "here");
  std::array<char, 64> expected{};
  const std::size_t size = log::format_to(std::span<char>(expected), " {}#{}] WARN  log-test: here",
                                          task.name(), task.id());
  EXPECT_TRUE(recording.says({expected.data(), size}));
}

async::Task<void> log_in_between(std::atomic<bool>& stop) {
  const log::Span span("other");
  while (!stop.load()) co_await exec::yield_now();
}

// The task goes from hart to hart, and each of them runs other tasks with spans in between.
KTEST_TASK(Log, SpansGoWithTheirTask) {
  Recording recording;
  std::atomic<bool> stop{false};
  std::array<async::JoinHandle<void>, 4> others;
  for (auto& other : others) {
    auto spawned = exec::spawn(log_in_between(stop), "other");
    CO_ASSERT_TRUE(spawned.has_value());
    other = std::move(*spawned);
  }
  {
    const log::Span outer("outer", 7);
    const log::Span inner("inner");
    const unsigned first = arch::Harts::id();
    for (unsigned i = 0; i < 10'000; ++i) {
      co_await exec::yield_now();
      if (arch::Harts::id() != first && i > 100) break;
    }
    log::warn(kLogTest, "after {} harts", arch::Harts::count() > 1 ? 2 : 1);
  }
  log::warn(kLogTest, "outside");
  stop.store(true);
  for (auto& other : others) EXPECT_TRUE((co_await other.join()).has_value());
  EXPECT_TRUE(recording.says(" outer=7 inner] WARN  log-test: after"));
  EXPECT_TRUE(recording.says("] WARN  log-test: outside"));
  EXPECT_FALSE(recording.says("inner] WARN  log-test: outside"));
  EXPECT_FALSE(recording.says("other"));
}

constexpr unsigned kLinesOfEach = 10;

async::Task<void> log_lines(std::uint64_t writer) {
  for (unsigned i = 0; i < kLinesOfEach; ++i) {
    log::warn(kLogTest, "writer {} line {} ends", writer, i);
    co_await exec::yield_now();
  }
}

KTEST_TASK(Log, LinesOfAllHartsStayWhole) {
  Recording recording;
  std::array<async::JoinHandle<void>, 4> writers;
  for (std::uint64_t i = 0; i < writers.size(); ++i) {
    auto spawned = exec::spawn(log_lines(i), "writer");
    CO_ASSERT_TRUE(spawned.has_value());
    writers[i] = std::move(*spawned);
  }
  for (auto& writer : writers) EXPECT_TRUE((co_await writer.join()).has_value());
  for (std::uint64_t writer = 0; writer < writers.size(); ++writer) {
    for (unsigned i = 0; i < kLinesOfEach; ++i) {
      std::array<char, 64> expected{};
      const std::size_t size = log::format_to(
          std::span<char>(expected), "WARN  log-test: writer {} line {} ends\n", writer, i);
      EXPECT_TRUE(recording.says({expected.data(), size}));
    }
  }
  for (std::string_view rest = recording.text(); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    CO_ASSERT_TRUE(end != std::string_view::npos);
    EXPECT_TRUE(rest.starts_with('[') && rest.substr(0, end).ends_with("ends"));
    rest.remove_prefix(end + 1);
  }
}

/// One hundred lines that nobody wants, each at a place of its own.
[[gnu::noinline]] void log_unwanted(std::uint64_t value) {
#define QUOLL_TEN_LINES                       \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value); \
  log::debug(kLogTest, "unwanted {}", value);
  QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES
      QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES QUOLL_TEN_LINES
#undef QUOLL_TEN_LINES
}
[[gnu::noinline]] void log_nothing(std::uint64_t value) {
  asm volatile("" : : "r"(value));
}

// Only a machine that counts instructions can tell (`bench=`).
KTEST(Log, Costs) {
  if (kernel::state().arguments.bench.empty()) return;
  const auto least = [](void (*action)(std::uint64_t)) {
    std::uint64_t count = ~std::uint64_t{0};
    for (unsigned i = 0; i < 20; ++i) {
      const std::uint64_t before = arch::read_instructions();
      action(i);
      count = std::min(count, arch::read_instructions() - before);
    }
    return count;
  };
  const std::uint64_t hundred = least(&log_unwanted) - least(&log_nothing);
  std::array<char, 64> line{};
  write({line.data(),
         log::format_to(std::span<char>(line), "bench: log.disabled {}\n", (hundred + 99) / 100)});
}

}  // namespace
}  // namespace quoll::tracing
