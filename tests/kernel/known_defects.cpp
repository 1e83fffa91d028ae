// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What other kernels got wrong about interrupts, retold on real harts (docs/test-plan.md).
#include <array>
#include <atomic>
#include <cstdint>
#include <random>

#include <quoll/arch/current.hpp>
#include <quoll/arch/user_memory.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/machine.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/log/log.hpp>
#include <quoll/riscv/csr.hpp>

#include "guest_support.hpp"
#include "memory_storm.hpp"

namespace quoll {
namespace {

using exec::now;
using exec::Ticks;
using exec::ticks_per_second;

QUOLL_LOG_TARGET(kTarget, "defects");

bool interrupts_are_on() noexcept {
  return (arch::read_csr<riscv::Csr::kSstatus>() & riscv::sstatus::kSie) != 0;
}

/// Repeats `step` until interrupts have counted `rung` up so many times, at random moments. The
/// runner's own alarm is away meanwhile. It is found again by the next test.
template <typename Step>
void repeat_under_interrupts(void (*ring)() noexcept, std::atomic<unsigned>& rung, unsigned times,
                             Step&& step) {
  std::minstd_rand random(static_cast<std::uint_fast32_t>(vm::storms::printed_seed()));
  const Ticks longest = ticks_per_second() / 10'000;
  for (unsigned i = 0; i < times; ++i) {
    const unsigned before = rung.load();
    irq::set_alarm(now() + random() % longest, ring);
    while (rung.load() == before) {
      step();
      // One that came due before it was set does not ring by itself.
      if (now() > irq::alarm() + longest) irq::set_alarm(now() + longest, ring);
    }
  }
  irq::set_alarm(async::kNever, nullptr);
}

constinit std::atomic<unsigned> traps_inside{0};

// k23: pc and status were not in the trap's frame, and a trap in a handler changed what the
// interrupted code went back to.
KTEST(KnownDefects, IrqFrameHoldsPcAndStatusWhileItsHandlerTraps) {
  traps_inside.store(0);
  const auto ring = []() noexcept {
    std::uint64_t word = 0;
    // No space has anything there: a page fault inside the interrupt.
    if (arch::UserMemory::copy_in(&word, mem::VirtualAddress(0x1000), sizeof(word)) == 0) {
      traps_inside.fetch_add(1);
    }
  };
  repeat_under_interrupts(ring, traps_inside, 100, [] { EXPECT_TRUE(interrupts_are_on()); });
  EXPECT_GE(traps_inside.load(), 100u);
}

constinit std::atomic<unsigned> lines_inside{0};

// k23: locks that handlers take too left interrupts on.
KTEST(KnownDefects, IrqLocksOfHandlersKeepInterruptsOff) {
  lines_inside.store(0);
  const auto ring = []() noexcept {
    log::warn(kTarget, "in an interrupt");
    lines_inside.fetch_add(1);
  };
  // Nearly all of this is under the console's lock.
  repeat_under_interrupts(ring, lines_inside, 20,
                          [] { log::warn(kTarget, "most probably interrupted in this line"); });
  EXPECT_GE(lines_inside.load(), 20u);
}

// k23: a timer's interrupt that found the list of timers locked set the comparator to "never".
KTEST_TASK(KnownDefects, IrqTimerThatFiresBeforeTheSleepIsNotLost, within("60s")) {
  constexpr unsigned kSleeps = 5'000;
  std::minstd_rand random(static_cast<std::uint_fast32_t>(vm::storms::printed_seed()));
  // About as long as it takes to arm it and to come to rest: before, in between, and after.
  const Ticks longest = ticks_per_second() / 50'000 + 1;
  for (unsigned i = 0; i < kSleeps; ++i) {
    CO_ASSERT_TRUE((co_await exec::sleep_until(now() + random() % longest)).has_value());
  }
}

async::Task<void> answer(async::Channel<unsigned, 1>& in, async::Channel<unsigned, 1>& out) {
  for (;;) {
    const auto value = co_await in.receive();
    if (!value || !co_await out.send(*value)) co_return;
  }
}

/// Two tasks that wake each other from harts that are about to sleep.
async::Task<unsigned> ping(unsigned rounds, std::uint64_t seed) {
  std::minstd_rand random(static_cast<std::uint_fast32_t>(seed));
  async::Channel<unsigned, 1> there;
  async::Channel<unsigned, 1> back;
  auto other = exec::spawn(answer(there, back), "answer");
  if (!other) co_return 0;
  unsigned answered = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    // Long enough for idle harts to look, to sleep, or to be in between.
    const Ticks until = now() + random() % (ticks_per_second() / 50'000 + 1);
    while (now() < until) arch::Interrupts::relax();
    if (random() % 2 == 0) (void)(co_await exec::sleep_until(until + random() % 64)).has_value();
    if (!co_await there.send(i)) break;
    const auto value = co_await back.receive();
    if (!value || *value != i) break;
    ++answered;
  }
  there.close();
  (void)(co_await other->join()).has_value();
  co_return answered;
}

// k23: a hart looked for work and then slept with interrupts on, and a wake in between was lost.
KTEST_TASK(KnownDefects, IrqWakeBetweenTheLookAndTheSleepIsNotLost, within("60s")) {
  constexpr unsigned kRounds = 3'000;
  const std::uint64_t seed = vm::storms::printed_seed();
  std::array<async::JoinHandle<unsigned>, 3> pairs;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    auto spawned = exec::spawn(ping(kRounds, seed + i), "ping");
    CO_ASSERT_TRUE(spawned.has_value());
    pairs[i] = std::move(*spawned);
  }
  for (auto& pair : pairs) {
    const auto answered = co_await pair.join();
    CO_ASSERT_TRUE(answered.has_value());
    EXPECT_EQ(*answered, kRounds);
  }
}

// The same in one step: what comes after the look is still pending when the hart sleeps. Otherwise
// each sleep goes on until some timer ends it.
KTEST(KnownDefects, IrqSleepEndsByWhatCameAfterTheLook, within("60s")) {
  constexpr unsigned kSleeps = 8;
  exec::Machine machine;
  unsigned looks = 0;
  const std::uint64_t before = irq::hart_counts(arch::Harts::id()).timer;
  for (unsigned i = 0; i < kSleeps; ++i) {
    machine.set_deadline(now() + ticks_per_second());
    machine.park(
        [](void* argument) {
          ++*static_cast<unsigned*>(argument);
          ipi::post(arch::Harts::id(), ipi::Reason::kWake);
          return true;
        },
        &looks);
  }
  EXPECT_GE(looks, kSleeps / 2);
  EXPECT_LT(irq::hart_counts(arch::Harts::id()).timer - before, kSleeps / 2);
}

// k23: an address in `stval` that is none, as a guest may bring about, panicked the kernel.
KTEST_TASK(KnownDefects, IrqTrapValueNeedNotBeAnAddress) {
  for (const std::uint64_t address :
       {std::uint64_t{0x8000'0000'0000'0000}, std::uint64_t{0x4000'0000'0000'0000},
        std::uint64_t{0x0123'4567'89ab'cdef}, std::uint64_t{0xfeff'ffff'ffff'fff8}}) {
    for (const char* const how : {"read", "write", "jump"}) {
      const guest::GuestEnd end = RUN_PROBE_WITH(how, address);
      EXPECT_EQ(end.reason, guest::EndReason::kFaulted);
      EXPECT_EQ(end.address & ~std::uint64_t{1}, address & ~std::uint64_t{1});
    }
  }
}

}  // namespace
}  // namespace quoll
