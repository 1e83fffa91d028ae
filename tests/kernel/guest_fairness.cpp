// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Guests that loop for ever, and one that somebody talks to.
#include <array>
#include <atomic>

#include <quoll/arch/current.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/log/log.hpp>

#include "alarm_clock.hpp"
#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

QUOLL_LOG_TARGET(kTarget, "fairness");

constexpr std::size_t kLoops = 16;
constexpr unsigned kQuestions = 5;

/// How far a loop had come when it was last interrupted.
std::uint64_t progress(const Guest& guest) {
  constexpr std::size_t kCounter = 27;  // s11
  const volatile std::uint64_t& counter = const_cast<Guest&>(guest).context().x[kCounter];
  return counter;
}

exec::Ticks milliseconds(std::uint64_t count) {
  return exec::ticks_per_second() / 1000 * count;
}

/// Output that notes when it comes.
class NotedOutput final : public device::ByteStream {
 public:
  using Moved = async::Task<base::Result<std::size_t, device::StreamError>>;
  Moved read(std::span<std::byte>, async::CancelToken) override { co_return std::size_t{0}; }
  Moved write(std::span<const std::byte> from, async::CancelToken) override {
    at.store(exec::now());
    came.set();
    co_return from.size();
  }
  bool readable() noexcept override { return true; }
  bool writable() noexcept override { return true; }
  void watch(device::Watcher&) noexcept override {}
  void unwatch(device::Watcher&) noexcept override {}

  std::atomic<exec::Ticks> at{0};
  async::Event came;
};

/// A driver: what its device has to say goes to the guest.
async::Task<void> drive(device::AlarmClock& clock, async::Signal& signal, MemoryStream& input) {
  for (unsigned i = 1; i <= kQuestions; ++i) {
    if (!co_await signal.wait()) co_return;
    clock.hush();
    input.feed(std::byte{static_cast<unsigned char>(i == kQuestions ? 0 : i)});
    irq::unmask(clock.source());
  }
}

/// The longest time from a device's interrupt to the answer of the guest; 0: there was none.
async::Task<exec::Ticks> longest_answer() {
  device::AlarmClock clock;
  async::Signal signal;
  MemoryStream input;
  NotedOutput output;
  if (!clock.find() || !irq::attach(clock.source(), signal)) co_return 0;
  device::StandardStreams streams;
  streams.input = &input;
  streams.output = &output;
  const GuestRef guest = start_probe({"answer", {}, streams});
  auto driver = exec::spawn(drive(clock, signal, input), "driver");
  if (!guest || !driver) co_return 0;
  exec::Ticks longest = 0;
  for (unsigned i = 1; i <= kQuestions; ++i) {
    while (!input.watched()) {
      (void)(co_await exec::sleep_until(exec::now() + milliseconds(1))).has_value();
    }
    // At any moment of anybody's slice.
    (void)(co_await exec::sleep_until(exec::now() + milliseconds(i) / 3)).has_value();
    output.came.reset();
    const exec::Ticks asked = exec::now();
    clock.ring();
    if (!co_await output.came.wait()) co_return 0;
    longest = std::max(longest, output.at.load() - asked);
  }
  (void)(co_await driver->join()).has_value();
  (void)(co_await wait(*guest)).has_value();
  irq::detach(clock.source());
  co_return guest->end().exit_status == 0 ? longest : 0;
}

KTEST_TASK_APART(GuestFairness, OneThatIsTalkedToAnswersWhileSixteenLoop, within("300s")) {
  std::array<GuestRef, kLoops> loops;
  for (GuestRef& loop : loops) {
    loop = start_probe({"loop-and-count"});
    CO_ASSERT_TRUE(static_cast<bool>(loop));
  }
  // Every loop has had its turn.
  const auto all_beyond = [&loops](const std::array<std::uint64_t, kLoops>& before) {
    for (std::size_t i = 0; i < kLoops; ++i) {
      if (progress(*loops[i]) <= before[i]) return false;
    }
    return true;
  };
  std::array<std::uint64_t, kLoops> before{};
  while (!all_beyond(before)) {
    (void)(co_await exec::sleep_until(exec::now() + milliseconds(10))).has_value();
  }
  for (std::size_t i = 0; i < kLoops; ++i) before[i] = progress(*loops[i]);
  const auto longest = co_await longest_answer().checked();
  CO_ASSERT_TRUE(longest.has_value());
  EXPECT_GT(*longest, 0u);
  log::info(kTarget, "longest answer: {} us", *longest * 1000 / milliseconds(1));
  // Elsewhere the host decides how long a hart stands still.
  if (!kernel::state().arguments.bench.empty()) EXPECT_LT(*longest, milliseconds(50));
  // All went on meanwhile: there was time for each of them.
  EXPECT_TRUE(all_beyond(before));
  for (const GuestRef& loop : loops) {
    set_foreground(loop);
    interrupt_foreground();
    set_foreground({});
  }
  for (const GuestRef& loop : loops) {
    CO_ASSERT_TRUE((co_await wait(*loop)).has_value());
    EXPECT_EQ(loop->end().reason, EndReason::kInterrupted);
  }
}

}  // namespace
}  // namespace quoll::guest::tests
