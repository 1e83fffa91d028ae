// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Watchdogs on the real machine: what they say is read back from the log's ring.
#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string_view>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "failures_support.hpp"
#include "guest_support.hpp"

namespace quoll::watchdog {
namespace {

using failures::opaque;
using Lock = sync::SpinLock<sync::LockRank::kDevice>;
using IrqLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kRandom>;

constinit Lock lock;
constinit IrqLock irq_lock;

exec::Ticks ticks_of(std::uint64_t milliseconds) noexcept {
  return exec::ticks_from_nanoseconds(milliseconds * 1'000'000);
}

/// Other limits for a scope.
class WithLimits {
 public:
  WithLimits(std::uint64_t lock_ms, std::uint64_t hart_ms) noexcept : before_(limits()) {
    configure({.lock = ticks_of(lock_ms), .hart = ticks_of(hart_ms)});
  }
  WithLimits(const WithLimits&) = delete;
  WithLimits& operator=(const WithLimits&) = delete;
  ~WithLimits() { configure(before_); }

 private:
  Limits before_;
};

/// What was logged since it was made.
class Logged {
 public:
  template <typename... A>
  std::size_t count(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
    read();
    std::array<char, 100> text;
    const std::string_view wanted(text.data(),
                                  log::format_to(std::span<char>(text), format, values...));
    std::size_t found = 0;
    const std::string_view all(text_.data(), size_);
    for (std::size_t at = all.find(wanted); at != all.npos; at = all.find(wanted, at + 1)) ++found;
    return found;
  }

 private:
  void read() noexcept {
    size_ += tracing::read_ring(from_, std::as_writable_bytes(std::span(text_).subspan(size_)));
  }
  std::array<char, 8192> text_{};
  std::size_t size_ = 0;
  std::uint64_t from_ = tracing::ring_end();
};
// Too large for a stack.
constinit std::optional<Logged> logged;

QUOLL_NAMED void spin_for(std::uint64_t milliseconds) {
  const exec::Ticks end = exec::now() + ticks_of(milliseconds);
  while (exec::now() < end) arch::Interrupts::relax();
}
QUOLL_NAMED void spin_deaf_for(std::uint64_t milliseconds) {
  const sync::InterruptGuard<arch::Interrupts> guard;
  spin_for(milliseconds);
}

/// Whether a hart is said to be back, within a time that few busy hosts exceed.
async::Task<bool> is_said_to_be_back(unsigned hart) {
  const exec::Ticks limit = exec::now() + ticks_of(2'000);
  while (logged->count("hart {} has reached its scheduler again", hart) == 0) {
    if (exec::now() > limit) co_return false;
    if (!co_await exec::sleep_until(exec::now() + ticks_of(20))) co_return false;
  }
  co_return true;
}

// A host that has other work may hold any hart for longer than a limit, and what is said of that
// comes between: of so many rounds one is as it is without, unless something here is wrong.
constexpr int kRounds = 20;

/// Whether a hart that spins for longer than the limit is reported once, with the place, is not
/// back while it spins, and is said to be back.
async::Task<bool> spinning_is_reported_once() {
  logged.emplace();
  const unsigned hart = arch::Harts::id();
  spin_for(400);
  const bool was_reported = logged->count("hart {} is in task", hart) == 1u &&
                            logged->count("spin_for") != 0u &&
                            logged->count("hart {} has reached its scheduler again", hart) == 0u;
  if (!(co_await is_said_to_be_back(hart).checked()).value_or(false)) co_return false;
  co_return was_reported && logged->count("takes no interrupts") == 0u &&
      logged->count("hart {} has not reached its scheduler for", hart) == 1u;
}

KTEST_TASK(Watchdog, HartThatSpinsIsReportedOnceAndComesBack) {
  const WithLimits with(0, 80);
  // What is kept of a report does not keep the next one from being made.
  int reported = 0;
  for (int round = 0; round < kRounds && reported < 2; ++round) {
    if ((co_await spinning_is_reported_once().checked()).value_or(false)) ++reported;
  }
  EXPECT_EQ(reported, 2);
}

/// Whether a hart that also takes no interrupts meanwhile is reported as such by another.
async::Task<bool> deafness_is_reported_once() {
  logged.emplace();
  const unsigned hart = arch::Harts::id();
  spin_deaf_for(400);
  const bool was_reported =
      logged->count("hart {} has not reached its scheduler for", hart) == 1u &&
      logged->count("hart {} takes no interrupts", hart) == 1u;
  co_return (co_await is_said_to_be_back(hart).checked()).value_or(false) && was_reported;
}

KTEST_TASK(Watchdog, HartThatIsDeafIsReportedByAnother) {
  if (arch::Harts::count() < 2) co_return;
  const WithLimits with(0, 80);
  bool was_reported = false;
  for (int round = 0; round < kRounds && !was_reported; ++round) {
    was_reported = (co_await deafness_is_reported_once().checked()).value_or(false);
  }
  EXPECT_TRUE(was_reported);
}

KTEST_TASK(Watchdog, HartsThatSleepOrWorkAreNotReported) {
  const WithLimits with(0, 40);
  bool was_quiet = false;
  for (int round = 0; round < kRounds && !was_quiet; ++round) {
    logged.emplace();
    CO_ASSERT_TRUE(co_await exec::sleep_until(exec::now() + ticks_of(200)));
    const exec::Ticks end = exec::now() + ticks_of(200);
    while (exec::now() < end) {
      spin_for(5);
      co_await exec::yield_now();
    }
    was_quiet = logged->count("has not reached its scheduler") == 0;
  }
  EXPECT_TRUE(was_quiet);
}

KTEST_TASK(Watchdog, OffInterruptsNobody) {
  const WithLimits with(0, 0);
  CO_ASSERT_TRUE(co_await exec::sleep_until(exec::now() + ticks_of(5)));
  EXPECT_FALSE(ticks(arch::hart_local()));
  const std::uint64_t before = arch::hart_local().interrupts;
  const unsigned hart = arch::Harts::id();
  spin_for(100);
  EXPECT_EQ(arch::Harts::id(), hart);
  EXPECT_EQ(arch::hart_local().interrupts, before);
}

QUOLL_NAMED void hold_the_lock(std::atomic<bool>& held, const std::atomic<bool>& wanted) {
  sync::LockGuard guard(lock);
  held.store(true);
  while (!wanted.load()) arch::Interrupts::relax();
  // The host may hold the hart that waits; a second report would come within this.
  const exec::Ticks limit = exec::now() + ticks_of(10'000);
  while (logged->count("has waited") == 0 && exec::now() < limit) spin_for(10);
  spin_for(150);
}
QUOLL_NAMED void want_the_lock() {
  sync::LockGuard guard(lock);
}
async::Task<void> want_it(std::atomic<unsigned>& hart, const std::atomic<bool>& held,
                          std::atomic<bool>& wanted) {
  while (!held.load()) co_await exec::yield_now();
  hart.store(arch::Harts::id());
  wanted.store(true);
  want_the_lock();
  co_return;
}

KTEST_TASK(Watchdog, StuckLockNamesItsHolderOnce) {
  if (arch::Harts::count() < 2) co_return;
  const WithLimits with(40, 0);
  logged.emplace();
  std::atomic<unsigned> waiting_hart{0};
  std::atomic<bool> held{false};
  std::atomic<bool> wanted{false};
  const unsigned hart = arch::Harts::id();
  auto waits = exec::spawn(want_it(waiting_hart, held, wanted), "waiter");
  CO_ASSERT_TRUE(waits.has_value());
  // One that came alone runs here when we suspend; a second makes others look.
  auto beside = exec::spawn([]() -> async::Task<void> { co_return; }(), "beside");
  CO_ASSERT_TRUE(beside.has_value());
  hold_the_lock(held, wanted);
  (void)co_await waits->join();
  (void)co_await beside->join();
  EXPECT_EQ(logged->count("hart {} has waited", waiting_hart.load()), 1u);
  EXPECT_EQ(logged->count("ms for the spin lock of rank device, which hart {} holds", hart), 1u);
  EXPECT_EQ(logged->count("hold_the_lock"), 1u);
  EXPECT_EQ(logged->count("want_the_lock"), 1u);
  EXPECT_EQ(logged->count("hart {} has got the spin lock of rank device", waiting_hart.load()), 1u);
}

QUOLL_NAMED QUOLL_NO_THREAD_SAFETY_ANALYSIS void lock_irq_twice() {
  irq_lock.lock();
  irq_lock.lock();
}
KTEST_DEATH(Watchdog, IrqLockTakenTwice,
            says("a spin lock (rank random) is taken twice: held by …"), names("lock_irq_twice")) {
  lock_irq_twice();
}

// A wait past the console's lock: the report must not wait for it as well.
constinit sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kLog> log_like_lock;

async::Task<void> want_log_lock(const std::atomic<bool>& held, std::atomic<bool>& wanted) {
  while (!held.load()) co_await exec::yield_now();
  wanted.store(true);
  sync::LockGuard guard(log_like_lock);
}

KTEST_TASK(Watchdog, WaitForALockOfTheLogIsReportedPastIt, harts("4"),
           prints("watchdog: hart … has waited … ms for the spin lock of rank log",
                  "watchdog: hart … has got the spin lock of rank log")) {
  if (arch::Harts::count() < 2) co_return;
  const WithLimits with(40, 0);
  std::atomic<bool> held{false};
  std::atomic<bool> wanted{false};
  auto waits = exec::spawn(want_log_lock(held, wanted), "waiter");
  CO_ASSERT_TRUE(waits.has_value());
  auto beside = exec::spawn([]() -> async::Task<void> { co_return; }(), "beside");
  CO_ASSERT_TRUE(beside.has_value());
  {
    sync::LockGuard guard(log_like_lock);
    held.store(true);
    while (!wanted.load()) arch::Interrupts::relax();
    spin_for(400);
  }
  (void)co_await waits->join();
  (void)co_await beside->join();
}

// A guest may compute for as long as it likes.
KTEST_TASK(Watchdog, HartInAGuestIsNotReported) {
  const WithLimits with(0, 40);
  bool was_quiet = false;
  for (int round = 0; round < kRounds && !was_quiet; ++round) {
    logged.emplace();
    const guest::GuestRef busy = guest::tests::start_probe({.action = "spin"});
    CO_ASSERT_TRUE(busy);
    CO_ASSERT_TRUE(co_await exec::sleep_until(exec::now() + ticks_of(300)));
    busy->kill();
    (void)co_await guest::wait(*busy);
    was_quiet = logged->count("has not reached its scheduler") == 0;
  }
  EXPECT_TRUE(was_quiet);
}

// A lock as it would be without an owner: what the owner costs is the difference.
class PlainLock {
 public:
  [[gnu::always_inline]] void lock() noexcept {
    while (held_.exchange(1, std::memory_order_acquire) != 0) {
      while (held_.load(std::memory_order_relaxed) != 0) asm volatile("" ::: "memory");
    }
    sync::detail::note_acquired(sync::LockRank::kDevice);
  }
  [[gnu::always_inline]] void unlock() noexcept {
    sync::detail::note_released(sync::LockRank::kDevice);
    held_.store(0, std::memory_order_release);
  }

 private:
  std::atomic<std::uint32_t> held_{0};
};
constinit PlainLock plain_lock;

template <typename F>
[[gnu::always_inline]] std::uint64_t least_count(F pair) {
  std::uint64_t least = ~std::uint64_t{0};
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t before = arch::read_instructions();
    pair();
    const std::uint64_t between = arch::read_instructions();
    const std::uint64_t after = arch::read_instructions();
    least = std::min(least, (between - before) - (after - between));
  }
  return least;
}

// Only a machine that counts instructions can tell: `bench=`, and QEMU's -icount.
KTEST(Counts, LockPair) {
  if (kernel::state().arguments.bench.empty()) return;
  const std::uint64_t plain = least_count([] {
    plain_lock.lock();
    asm volatile("" ::: "memory");
    plain_lock.unlock();
  });
  const std::uint64_t owned = least_count([]() QUOLL_NO_THREAD_SAFETY_ANALYSIS {
    lock.lock();
    asm volatile("" ::: "memory");
    lock.unlock();
  });
  std::array<char, 80> line;
  tracing::write({line.data(), log::format_to(line, "bench: lock.pair {}\nbench: lock.owner {}\n",
                                              owned, owned - plain)});
#ifndef QUOLL_CHECK_LOCK_RANKS  // a kernel that inlines less shows calls
  EXPECT_LE(owned, plain + 3);
#endif
}

}  // namespace
}  // namespace quoll::watchdog
