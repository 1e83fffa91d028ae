// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Guests from start to end: their start state, registers, preemption, streams, harts, and what
// they leave behind.
#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

exec::Ticks milliseconds(std::uint64_t count) {
  return exec::ticks_per_second() / 1000 * count;
}

KTEST_TASK(Guests, StartInThePromisedState) {
  const GuestEnd end = RUN_PROBE("start");
  EXPECT_EQ(end.reason, EndReason::kExited);
  EXPECT_EQ(end.exit_status, 0U);
  // The one before has changed its data; this one has its own.
  EXPECT_EQ(RUN_PROBE("start").exit_status, 0U);
}

KTEST_TASK(Guests, ExitWithTheirStatus) {
  EXPECT_EQ(RUN_PROBE("exit", "2a").status(), 42);
  EXPECT_EQ(RUN_PROBE("exit", "1ff").status(), 255);
}

KTEST_TASK(Guests, KeepTheirRegistersThroughCallsAndPreemption) {
  // Several at once on every hart, so that each is preempted by another with other registers.
  constexpr std::size_t kGuests = 6;
  const Hex duration(milliseconds(100));
  std::array<GuestRef, kGuests> guests;
  for (GuestRef& guest : guests) guest = start_probe({"registers", duration.text()});
  for (GuestRef& guest : guests) {
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
    EXPECT_EQ(guest->end().reason, EndReason::kExited);
    EXPECT_EQ(guest->end().exit_status, 0U);
  }
}

KTEST_TASK(Guests, FindNothingOfTheKernelInAnyRegister) {
  EXPECT_EQ(RUN_PROBE("all-registers").exit_status, 0U);
}

KTEST_TASK(Guests, ReserveCommitAndGiveBackMemory) {
  EXPECT_EQ(RUN_PROBE("memory").exit_status, 0U);
}

KTEST_TASK(Guests, ThatLoopAreKilled) {
  const GuestRef guest = start_probe({"loop"});
  CO_ASSERT_TRUE(static_cast<bool>(guest));
  (void)co_await exec::sleep_until(exec::now() + milliseconds(30));
  EXPECT_FALSE(guest->ended().is_set());
  guest->kill();
  CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
  EXPECT_EQ(guest->end().reason, EndReason::kInterrupted);
  EXPECT_EQ(guest->end().status(), 130);
}

// More of them than harts, and none ever waits: all are preempted, or neither the others nor this
// test would go on, and all are ended.
KTEST_TASK(Guests, ThatOnlyCallOrFaultAreKilled) {
  constexpr std::size_t kGuests = 10;
  std::array<GuestRef, kGuests> guests;
  for (std::size_t i = 0; i < kGuests; ++i) {
    guests[i] = start_probe({i % 2 == 0 ? "call-forever" : "fault-forever"});
    CO_ASSERT_TRUE(static_cast<bool>(guests[i]));
  }
  const Hex duration(milliseconds(10));
  EXPECT_EQ(RUN_PROBE("spin", duration.text()).exit_status, 0U);
  for (const GuestRef& guest : guests) {
    // When, the host has a say in.
    while (guest->ran_on().count() == 0)
      (void)co_await exec::sleep_until(exec::now() + milliseconds(1));
    EXPECT_FALSE(guest->ended().is_set());
  }
  for (const GuestRef& guest : guests) guest->kill();
  for (const GuestRef& guest : guests) {
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
    EXPECT_EQ(guest->end().reason, EndReason::kInterrupted);
  }
}

KTEST_TASK(Guests, ThatSleepAreKilled) {
  const GuestRef guest = start_probe({"sleep"});
  CO_ASSERT_TRUE(static_cast<bool>(guest));
  (void)co_await exec::sleep_until(exec::now() + milliseconds(10));
  set_foreground(guest);
  interrupt_foreground();
  set_foreground({});
  CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
  EXPECT_EQ(guest->end().reason, EndReason::kInterrupted);
}

KTEST_TASK(Guests, WriteAllThatTheyWrite) {
  MemoryStream output;
  device::StandardStreams streams;
  streams.output = &output;
  constexpr std::string_view kText = "more than one write can take at once";
  EXPECT_EQ(RUN_PROBE("output", kText, streams).exit_status, 0U);
  EXPECT_TRUE(output.written() == kText);
}

KTEST_TASK(Guests, WaitForInput) {
  MemoryStream input;
  device::StandardStreams streams;
  streams.input = &input;
  const GuestRef guest = start_probe({"input", {}, streams});
  CO_ASSERT_TRUE(static_cast<bool>(guest));
  while (!input.watched()) co_await exec::yield_now();
  input.feed(std::byte{77});
  CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
  EXPECT_EQ(guest->end().exit_status, 77U);
}

KTEST_TASK(Guests, EightAtOnceUseEveryHart) {
  constexpr std::size_t kGuests = 8;
  std::array<GuestRef, kGuests> guests;
  for (GuestRef& guest : guests) {
    guest = start_probe({"loop"});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
  }
  const std::size_t harts = std::min<std::size_t>(arch::Harts::count(), kGuests);
  sync::HartSet used;
  // How soon depends on the host, which may hold any of its processors; that it comes does not.
  const exec::Ticks limit = exec::now() + milliseconds(60'000);
  while (used.count() < harts && exec::now() < limit) {
    (void)co_await exec::sleep_until(exec::now() + milliseconds(10));
    for (const GuestRef& guest : guests) used = sync::HartSet(used.bits() | guest->ran_on().bits());
  }
  EXPECT_EQ(used.count(), harts);
  for (const GuestRef& guest : guests) {
    guest->kill();
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
  }
}

KTEST_TASK(Guests, AreListedPieceByPiece) {
  constexpr std::size_t kGuests = 20;
  std::array<GuestRef, kGuests> guests;
  for (GuestRef& guest : guests) guest = start_probe({"sleep"});
  for (const GuestRef& guest : guests) CO_ASSERT_TRUE(guest);

  std::array<GuestInfo, 8> page;
  std::size_t listed = 0;
  std::uint64_t last = 0;
  while (const std::size_t count = list_guests(page, last)) {
    for (const GuestInfo& info : std::span(page).first(count)) {
      EXPECT_EQ(info.id, guests[listed]->id());
      EXPECT_EQ(std::string_view(info.name.data(), info.name_size), "sleep");
      last = info.id;
      ++listed;
    }
  }
  EXPECT_EQ(listed, kGuests);
  EXPECT_EQ(guest_count(), kGuests);
  EXPECT_TRUE((co_await end_all().checked()).has_value());
  EXPECT_EQ(guest_count(), 0U);
}

KTEST_TASK(Guests, ThatLoopRunOnAndThoseThatWaitDoNot) {
  const GuestRef loops = start_probe({"loop"});
  const GuestRef waits = start_probe({"sleep"});
  CO_ASSERT_TRUE(loops && waits);
  const auto run_time = [](const Guest& guest) { return guest.run_time().read(&exec::now); };
  const exec::Ticks begun = exec::now();
  const exec::Ticks before = run_time(*loops);
  // A hart has it for as long as that, whatever else happens.
  constexpr std::uint64_t kLong = 50;
  while (run_time(*loops) < before + milliseconds(kLong)) {
    EXPECT_LE(run_time(*loops), exec::now());
    (void)co_await exec::sleep_until(exec::now() + milliseconds(1));
  }
  EXPECT_GE(exec::now() - begun, milliseconds(kLong));
  // The other one comes to its wait, and there it stays.
  exec::Ticks waited = 0;
  do {
    waited = run_time(*waits);
    (void)co_await exec::sleep_until(exec::now() + milliseconds(kLong));
  } while (waited == 0 || run_time(*waits) != waited);
  std::array<GuestInfo, 2> listed;
  CO_ASSERT_TRUE(list_guests(listed) == 2);
  EXPECT_GE(listed[0].run_time, before + milliseconds(kLong));
  EXPECT_EQ(listed[1].run_time, waited);
  EXPECT_FALSE(listed[1].hart.has_value());
  CO_ASSERT_TRUE((co_await end_all().checked()).has_value());
  // What has ended does not run.
  const exec::Ticks at_end = run_time(*loops);
  (void)co_await exec::sleep_until(exec::now() + milliseconds(1));
  EXPECT_EQ(run_time(*loops), at_end);
}

KTEST_TASK(Guests, LeaveNothingBehind) {
  // The first ones fill caches that stay.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(RUN_PROBE("start").exit_status, 0U);
  const auto before = (co_await quoll::tests::balance_at_rest().checked()).value();
  for (int i = 0; i < 1000; ++i) {
    const bool faults = i % 10 == 9;
    const GuestEnd end = faults ? RUN_PROBE("read", "8") : RUN_PROBE("start");
    CO_ASSERT_TRUE(end.status() == (faults ? 139 : 0));
  }
  EXPECT_BALANCED(before);
}

}  // namespace
}  // namespace quoll::guest::tests
