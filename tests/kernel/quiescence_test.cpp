// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reclaiming what other harts read: between tasks, in their sleep, and while they run a guest.
#include <array>
#include <atomic>
#include <memory>
#include <new>

#include <quoll/async/join.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/quiescence.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "guest_support.hpp"

namespace quoll::exec {
namespace {

/// What tasks read while another replaces it.
struct Version : sync::Retired {
  explicit Version(std::uint64_t its_number) : number(its_number), twice(2 * its_number) {
    reclaim = [](sync::Retired& retired) noexcept {
      const std::unique_ptr<Version> version(&static_cast<Version&>(retired));
      version->twice = 1;
      reclaimed.fetch_add(1, std::memory_order_relaxed);
    };
  }
  std::uint64_t number;
  std::uint64_t twice;
  static constinit std::atomic<std::uint64_t> reclaimed;
};
constinit std::atomic<std::uint64_t> Version::reclaimed{0};

struct Shared {
  std::atomic<Version*> current{nullptr};
  std::atomic<bool> ends{false};
  std::atomic<std::uint64_t> wrong{0};
};

bool replace(Shared& shared, std::uint64_t number) {
  auto* const version = new (std::nothrow) Version(number);
  if (version == nullptr) return false;
  Version* const old = shared.current.exchange(version, std::memory_order_acq_rel);
  if (old != nullptr) quiescence().retire(*old);
  return true;
}

async::Task<void> read(Shared& shared) {
  while (!shared.ends.load(std::memory_order_relaxed)) {
    const Version* const version = shared.current.load(std::memory_order_acquire);
    for (unsigned look = 0; look < 20; ++look) {
      if (version->twice != 2 * version->number) {
        shared.wrong.fetch_add(1, std::memory_order_relaxed);
      }
    }
    co_await yield_now();
  }
}

// A task that waits for the grace period goes on when all harts have: those that have nothing to do
// and sleep are not waited for, nor woken.
KTEST_TASK(Quiescence, AGracePeriodEndsWhileOtherHartsSleep) {
  for (unsigned i = 0; i < 100; ++i) co_await grace_period();
}

KTEST_TASK(Quiescence, ReadersOnAllHartsSeeNoVersionThatIsGone) {
  constexpr std::uint64_t kVersions = 2000;
  Shared shared;
  const std::uint64_t before = Version::reclaimed.load();
  CO_ASSERT_TRUE(replace(shared, 1));
  std::array<async::JoinHandle<void>, 8> readers;
  for (auto& reader : readers) {
    auto handle = spawn(read(shared));
    CO_ASSERT_TRUE(handle.has_value());
    reader = std::move(*handle);
  }
  for (std::uint64_t i = 2; i <= kVersions; ++i) {
    CO_ASSERT_TRUE(replace(shared, i));
    if (i % 8 == 0) co_await yield_now();
    if (i % 64 == 0) co_await grace_period();
  }
  shared.ends.store(true);
  for (auto& reader : readers) CO_ASSERT_TRUE((co_await reader.join()).has_value());
  quiescence().retire(*shared.current.exchange(nullptr));
  // What came before the wait is reclaimed when it is over, and in the same grace period.
  co_await grace_period();
  co_await grace_period();
  CO_ASSERT_EQ(Version::reclaimed.load() - before, kVersions);
  CO_ASSERT_EQ(shared.wrong.load(), 0u);
}

// Many that wait at once, on all harts, with nothing else to do.
KTEST_TASK(Quiescence, AnyNumberOfTasksWaitAtOnce) {
  std::array<async::JoinHandle<void>, 64> waiting;
  for (auto& one : waiting) {
    auto handle = spawn([]() -> async::Task<void> {
      for (unsigned i = 0; i < 50; ++i) co_await grace_period();
    }());
    CO_ASSERT_TRUE(handle.has_value());
    one = std::move(*handle);
  }
  for (auto& one : waiting) CO_ASSERT_TRUE((co_await one.join()).has_value());
}

// Guests that never give way of themselves are interrupted when their slice is over, and their
// harts are in a quiescent state before they go on.
KTEST_TASK(Quiescence, GuestsThatLoopAreNotWaitedForLongerThanTheirSlices) {
  std::array<guest::GuestRef, 10> guests;
  for (guest::GuestRef& guest : guests) {
    guest = guest::tests::start_probe({"loop"});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
  }
  for (unsigned i = 0; i < 5; ++i) co_await grace_period();
  for (const guest::GuestRef& guest : guests) {
    EXPECT_FALSE(guest->ended().is_set());
    guest->kill();
  }
  for (const guest::GuestRef& guest : guests) {
    CO_ASSERT_TRUE((co_await guest::wait(*guest)).has_value());
  }
}

}  // namespace
}  // namespace quoll::exec
