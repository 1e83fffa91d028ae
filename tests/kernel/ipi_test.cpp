// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that interrupt each other: counted, so that one interrupt too few or too many is seen.
#include <array>
#include <cstdint>
#include <random>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "failures_support.hpp"
#include "memory_storm.hpp"

namespace quoll::ipi {
namespace {

/// Reasons that need nothing but the interrupt.
constexpr std::array kHarmless{Reason::kWake, Reason::kKick, Reason::kRenewWatch};

async::Task<void> post_often(std::uint64_t seed) {
  constexpr unsigned kPosts = 5'000;
  std::minstd_rand random(static_cast<std::uint_fast32_t>(seed ^ seed >> 32));
  for (unsigned i = 0; i < kPosts; ++i) {
    const auto hart = static_cast<unsigned>(random() % arch::Harts::count());
    post(hart, kHarmless[random() % kHarmless.size()]);
    // To harts that run, to harts that sleep, and to harts that are about to do either.
    if (random() % 8 == 0) co_await exec::yield_now();
    if (random() % 64 == 0) {
      (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 20'000))
          .has_value();
    }
  }
}

KTEST_TASK(Ipi, NoneIsLostAndNoneComesForNothing, within("120s")) {
  constexpr unsigned kTasks = 2 * sync::kMaxHarts;
  const std::uint64_t seed = vm::storms::printed_seed();
  const Counts before = counts();
  const unsigned tasks = 2 * arch::Harts::count();
  std::array<async::JoinHandle<>, kTasks> handles;
  for (unsigned i = 0; i < tasks; ++i) {
    auto spawned = exec::spawn(post_often(seed + i), "poster");
    CO_ASSERT_TRUE(spawned.has_value());
    handles[i] = std::move(*spawned);
  }
  for (unsigned i = 0; i < tasks; ++i) CO_ASSERT_TRUE((co_await handles[i].join()).has_value());
  // The last ones are still on their way. One that was lost never comes, and its mailbox stays
  // full.
  Counts after = counts();
  const exec::Ticks limit = exec::now() + 60 * exec::ticks_per_second();
  while (!after.all_empty && exec::now() < limit) {
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
    after = counts();
  }
  EXPECT_TRUE(after.all_empty);
  EXPECT_EQ(after.for_nothing, before.for_nothing);
  EXPECT_GT(after.taken - before.taken, 100u);
}

KTEST(Ipi, ReasonsThatWaitTogetherAreOneInterrupt) {
  detail::Post& own = detail::posts[arch::Harts::id()];
  std::uint64_t taken = 0;
  {
    const sync::InterruptGuard<arch::Interrupts> guard;
    taken = interrupts_of(arch::Harts::id());
    for (const Reason reason : kHarmless) {
      post(arch::Harts::id(), reason);
      post(arch::Harts::id(), reason);
    }
    EXPECT_EQ(interrupts_of(arch::Harts::id()), taken);
  }
  // The firmware may take a moment to hand it on.
  while (!own.mailbox.is_empty()) arch::Interrupts::relax();
  EXPECT_EQ(interrupts_of(arch::Harts::id()), taken + 1);
}

KTEST(Ipi, InterruptsAreCountedByTheReasonsThatTheyFind) {
  const unsigned self = arch::Harts::id();
  const std::array<Reasons, 4> together{Reason::kWake, Reason::kKick,
                                        Reasons(Reason::kWake) | Reason::kKick,
                                        Reasons(Reason::kKick) | Reason::kRenewWatch};
  for (const Reasons reasons : together) {
    std::array<std::uint64_t, kReasonCount> before{};
    for (unsigned i = 0; i < kReasonCount; ++i) {
      before[i] = interrupts_of(self, static_cast<Reason>(i));
    }
    {
      const sync::InterruptGuard<arch::Interrupts> guard;
      for (unsigned i = 0; i < kReasonCount; ++i) {
        if (reasons.has(static_cast<Reason>(i))) post(self, static_cast<Reason>(i));
      }
    }
    while (!detail::posts[self].mailbox.is_empty()) arch::Interrupts::relax();
    for (unsigned i = 0; i < kReasonCount; ++i) {
      const auto reason = static_cast<Reason>(i);
      EXPECT_EQ(interrupts_of(self, reason), before[i] + (reasons.has(reason) ? 1 : 0));
    }
  }
}

// A mailbox in which something lies keeps senders from interrupting its hart, but not this one.
KTEST_DEATH(Stops, HartsWhoseMailboxesAreFull, says("full mailboxes"),
            prints("hart 1 stopped at", "hart 2 stopped at", "hart 3 stopped at"), harts("4")) {
  failures::on_hart(0, [] {
    for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
      (void)detail::posts[hart].mailbox.post(Reason::kWake);
    }
    panic::stop("full mailboxes");
  });
}

}  // namespace
}  // namespace quoll::ipi
