// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a guest must not do, and what becomes of it when it tries: only it ends.
#include <quoll/abi/limits.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

void expect_fault(const GuestEnd& end, abi::FaultKind kind, std::uint64_t address) {
  EXPECT_EQ(end.reason, EndReason::kFaulted);
  EXPECT_EQ(end.fault, kind);
  EXPECT_EQ(end.address, address);
  EXPECT_EQ(end.status(), 139);
  EXPECT_GE(end.pc, kind == abi::FaultKind::kFetch ? 0 : abi::kRuntimeBase);
}

std::uint64_t kernel_address() {
  return mem::address_of(&services()).value();
}

KTEST_TASK(GuestFaults, KernelMemoryCannotBeReadWrittenOrExecuted) {
  CO_ASSERT_TRUE(RUN_PROBE("exit", "0").status() == 0);
  const std::uint64_t code = mem::address_of(reinterpret_cast<void*>(&start_probe)).value();
  for (const std::uint64_t address :
       {kernel_address(), code, vm::frames().phys_map().virtual_range().start().value()}) {
    expect_fault(RUN_PROBE_WITH("read", address), abi::FaultKind::kLoad, address);
    expect_fault(RUN_PROBE_WITH("write", address), abi::FaultKind::kStore, address);
    expect_fault(RUN_PROBE_WITH("jump", address), abi::FaultKind::kFetch, address);
  }
}

KTEST_TASK(GuestFaults, UnmappedAndNullAddressesFault) {
  for (const std::uint64_t address : {std::uint64_t{0}, std::uint64_t{0x1000},
                                      std::uint64_t{0xfff8}, std::uint64_t{0x3000'0000'0000}}) {
    const GuestEnd end = RUN_PROBE_WITH("read", address);
    EXPECT_EQ(end.reason, EndReason::kFaulted);
    EXPECT_EQ(end.address, address);
  }
}

KTEST_TASK(GuestFaults, PrivilegedInstructionsAreIllegal) {
  expect_fault(RUN_PROBE("satp"), abi::FaultKind::kIllegalInstruction, 0);
  expect_fault(RUN_PROBE("sret"), abi::FaultKind::kIllegalInstruction, 0);
  expect_fault(RUN_PROBE("ebreak"), abi::FaultKind::kBreakpoint, 0);
}

KTEST_TASK(GuestFaults, SharedPagesAreReadOnly) {
  EXPECT_EQ(RUN_PROBE("write-start-block").fault, abi::FaultKind::kStore);
  EXPECT_EQ(RUN_PROBE("write-time-page").fault, abi::FaultKind::kStore);
  expect_fault(RUN_PROBE_WITH("write", abi::kRuntimeBase), abi::FaultKind::kStore,
               abi::kRuntimeBase);
}

KTEST_TASK(GuestFaults, TheStackEndsAtAGuardPage) {
  const GuestEnd end = RUN_PROBE("overflow-stack");
  EXPECT_EQ(end.reason, EndReason::kFaulted);
  EXPECT_EQ(end.fault, abi::FaultKind::kStore);
}

KTEST_TASK(GuestFaults, AnotherGuestsMemoryIsNotThere) {
  // Addresses are given out in the same order to everybody: what one guest has is free in the next.
  const OtherServices lowest([](Services::Parts& parts) { parts.random_placement = false; });
  const GuestEnd told = RUN_PROBE("reserve");
  CO_ASSERT_TRUE(told.reason == EndReason::kExited);
  const GuestRef owner = start_probe({"secret"});
  CO_ASSERT_TRUE(static_cast<bool>(owner));
  (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 50);
  expect_fault(RUN_PROBE_WITH("read", told.exit_status), abi::FaultKind::kLoad, told.exit_status);
  EXPECT_FALSE(owner->ended().is_set());
  owner->kill();
  CO_ASSERT_TRUE((co_await wait(*owner)).has_value());
}

KTEST_TASK(GuestFaults, WildPointersAreErrors) {
  EXPECT_EQ(RUN_PROBE("wild").exit_status, 0U);
}

KTEST_TASK(GuestFaults, AnUpcallHandlesAndReturns) {
  const GuestEnd end = RUN_PROBE("upcall");
  EXPECT_EQ(end.reason, EndReason::kExited);
  EXPECT_EQ(end.exit_status, 0U);
}

KTEST_TASK(GuestFaults, AFaultInTheUpcallIsTheEnd) {
  const GuestEnd end = RUN_PROBE("nested-upcall");
  EXPECT_EQ(end.reason, EndReason::kFaulted);
  EXPECT_EQ(end.address, 0x666U);
}

KTEST_TASK(GuestFaults, TheEndIsToldOnTheGuestsStandardError) {
  MemoryStream error;
  device::StandardStreams streams;
  streams.error = &error;
  const GuestEnd end = RUN_PROBE("read", "8", streams);
  EXPECT_EQ(end.status(), 139);
  constexpr std::string_view kExpected = "quoll: read: killed: load fault at 0x8 (pc 0x";
  EXPECT_TRUE(error.written().starts_with(kExpected));
  EXPECT_TRUE(error.written().ends_with(", nothing is mapped there)\n"));
}

KTEST_TASK(GuestFaults, TheEndNamesTheRegionAndWhyItIsNotAllowed) {
  MemoryStream error;
  device::StandardStreams streams;
  streams.error = &error;
  const GuestEnd end = RUN_PROBE("guard", "", streams);
  EXPECT_EQ(end.fault, abi::FaultKind::kStore);
  EXPECT_EQ(end.cause, abi::FaultCause::kGuard);
  EXPECT_EQ(end.region_end - end.region_start, 2 * abi::kPageSize);
  EXPECT_EQ(end.address, end.region_start + abi::kPageSize);
  EXPECT_TRUE(error.written().find(", a guard: region 0x") != std::string_view::npos);
  const GuestEnd denied = RUN_PROBE("write-start-block");
  EXPECT_EQ(denied.cause, abi::FaultCause::kDenied);
  EXPECT_LE(denied.region_start, denied.address);
  EXPECT_GT(denied.region_end, denied.address);
  EXPECT_EQ(RUN_PROBE("overflow-stack").cause, abi::FaultCause::kGuard);
  EXPECT_EQ(RUN_PROBE("satp").cause, abi::FaultCause::kNone);
}

}  // namespace
}  // namespace quoll::guest::tests
