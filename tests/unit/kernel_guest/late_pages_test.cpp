// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Calls that touch pages which come later: they are made once more, or wait where they are.
#include "late_pages.hpp"

#include <quoll/kernel/guest/end.hpp>

#include "fault.hpp"
#include "page_wait.hpp"
#include "test_scheduler.hpp"
#include "wait.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using abi::Syscall;
using Waiting = test::Running<base::Result<CallResult, WaitOutcome>>;

CallArguments arguments(std::initializer_list<std::uint64_t> values) {
  CallArguments out{};
  std::copy(values.begin(), values.end(), out.a);
  return out;
}

TEST_F(LatePagesTest, ACallThatReturnsAtOnceIsMadeOnceMore) {
  const abi::Handle file = open("hello.wasm");
  GuestEnd end;
  auto& context = guest_->context();
  context.pc = 0x200000;
  prepare(static_cast<std::uint64_t>(Syscall::kFileRead),
          {file, late_at_ + abi::kPageSize - 4, 10, 0});
  const auto registers = context.x;
  for (std::uint64_t page = 0; page < 2; ++page) {
    EXPECT_EQ(dispatch(*guest_, end), Next::kAwaitPage);
    EXPECT_EQ(context.pc, 0x200000u);
    EXPECT_EQ(context.x, registers);
    const vm::PageRequestRef request = guest_->awaited_page();
    ASSERT_TRUE(static_cast<bool>(request));
    EXPECT_EQ(request->offset(), page * abi::kPageSize);
    supply(page);
    EXPECT_EQ(request->state(), vm::PageRequestState::kSupplied);
  }
  EXPECT_EQ(dispatch(*guest_, end), Next::kResume);
  EXPECT_EQ(context.pc, 0x200004u);
  EXPECT_EQ(result().error, Error::kOk);
  EXPECT_EQ(result().value, 10u);
  EXPECT_EQ(peek_string(late_at_ + abi::kPageSize - 4, 10), "0123456789");
}

TEST_F(LatePagesTest, AReturnFromAFaultIsMadeOnceMore) {
  ASSERT_EQ(call(Syscall::kFaultUpcall, {0x200100, buffer_ + 8192}).error, Error::kOk);
  ASSERT_TRUE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 8, 0x200000}));
  abi::FaultFrame frame{};
  frame.pc = 0x200800;
  GuestEnd end;
  prepare(static_cast<std::uint64_t>(Syscall::kFaultReturn), {late_at_});
  EXPECT_EQ(dispatch(*guest_, end), Next::kAwaitPage);
  supply(0, {reinterpret_cast<const char*>(&frame), sizeof frame});
  EXPECT_EQ(dispatch(*guest_, end), Next::kResume);
  EXPECT_EQ(guest_->context().pc, 0x200800u);
}

TEST_F(LatePagesTest, CallsThatWaitBeginAgainWhereTheyHaveDoneNothing) {
  test::TestScheduler scheduler;
  const auto out = open_stream(out_, abi::rights::kWrite);
  Waiting first(scheduler, call_stream_write(*guest_, arguments({out, late_at_, 5})));
  EXPECT_EQ(first.result()->error, kMustWait);
  EXPECT_TRUE(static_cast<bool>(guest_->awaited_page()));
  supply(0, "hello");
  Waiting second(scheduler, call_stream_write(*guest_, arguments({out, late_at_, 5})));
  EXPECT_EQ(second.result()->value, 5u);
  EXPECT_EQ(out_.written(), "hello");
  Waiting items(scheduler, call_wait_many(*guest_, arguments({late_at_ + abi::kPageSize, 1, 0})));
  EXPECT_EQ(items.result()->error, kMustWait);
}

TEST_F(LatePagesTest, WhatAStreamGaveIsKeptUntilThePageComes) {
  test::TestScheduler scheduler;
  const auto in = open_stream(in_, abi::rights::kRead);
  in_.feed("abcdef");
  const std::uint64_t at = late_at_ + abi::kPageSize - 3;
  Waiting read(scheduler, call_stream_read(*guest_, arguments({in, at, 6})));
  EXPECT_FALSE(read.done());
  supply(0);
  scheduler.run();
  EXPECT_FALSE(read.done());
  supply(1);
  scheduler.run();
  EXPECT_EQ(read.result()->value, 6u);
  EXPECT_EQ(peek_string(at, 6), "abcdef");
}

TEST_F(LatePagesTest, AGuestThatIsKilledWaitsNoMore) {
  test::TestScheduler scheduler;
  const auto in = open_stream(in_, abi::rights::kRead);
  in_.feed("a");
  Waiting read(scheduler, call_stream_read(*guest_, arguments({in, late_at_, 1})));
  EXPECT_FALSE(read.done());
  guest_->kill();
  scheduler.run();
  EXPECT_EQ(read.result().error(), WaitOutcome::kKilled);
  supply(0);  // nobody is told any more
}

TEST_F(LatePagesTest, APageThatDoesNotComeIsABadAddress) {
  test::TestScheduler scheduler;
  const auto in = open_stream(in_, abi::rights::kRead);
  in_.feed("a");
  Waiting read(scheduler, call_stream_read(*guest_, arguments({in, late_at_, 1})));
  fail(0);
  scheduler.run();
  EXPECT_EQ(read.result()->error, Error::kBadAddress);
}

TEST_F(LatePagesTest, NothingIsWaitedForThatIsThereMeanwhile) {
  EXPECT_FALSE(PageWait(nullptr).begin());
  EXPECT_FALSE(PageWait(nullptr).failed());
  EXPECT_EQ(guest_->space().handle_fault(mem::VirtualAddress(late_at_), mem::Access::kRead),
            vm::FaultOutcome::kMustWait);
  const vm::PageRequestRef request = guest_->space().page_request(mem::VirtualAddress(late_at_));
  PageWait withdrawn(request);
  EXPECT_TRUE(withdrawn.begin());
  EXPECT_TRUE(withdrawn.end());
  fail(0);
  PageWait late(request);
  EXPECT_FALSE(late.begin());
  EXPECT_TRUE(late.end());
  EXPECT_TRUE(late.failed());
}

}  // namespace
}  // namespace quoll::guest
