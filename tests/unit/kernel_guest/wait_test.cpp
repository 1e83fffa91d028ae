// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The calls that wait: readiness, deadlines, the guest's end while they wait.
#include "guest_fixture.hpp"
#include "test_scheduler.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using Waiting = test::Running<base::Result<CallResult, WaitOutcome>>;

class WaitTest : public GuestTest {
 protected:
  CallArguments arguments(std::initializer_list<std::uint64_t> values) {
    CallArguments out{};
    std::copy(values.begin(), values.end(), out.a);
    return out;
  }
  void poke_items(std::initializer_list<abi::WaitItem> items) {
    poke(buffer_, items.begin(), items.size() * sizeof(abi::WaitItem));
  }
  std::uint32_t ready(std::size_t index) {
    abi::WaitItem item;
    peek(&item, buffer_ + index * sizeof item, sizeof item);
    return item.ready;
  }
  test::TestScheduler scheduler_;
};

TEST_F(WaitTest, ReadTakesWhatIsThereAndWaitsWhenNothingIs) {
  const auto in = open_stream(in_, abi::rights::kRead);
  in_.feed("abc");
  Waiting first(scheduler_, call_stream_read(*guest_, arguments({in, buffer_, 100})));
  EXPECT_EQ(first.result()->value, 3u);
  EXPECT_EQ(peek_string(buffer_, 3), "abc");
  Waiting second(scheduler_, call_stream_read(*guest_, arguments({in, buffer_, 2})));
  EXPECT_FALSE(second.done());
  in_.feed("xyz");
  scheduler_.run();
  EXPECT_EQ(second.result()->value, 2u);
  in_.end();
  Waiting third(scheduler_, call_stream_read(*guest_, arguments({in, buffer_, 9})));
  EXPECT_EQ(third.result()->value, 1u);
  Waiting fourth(scheduler_, call_stream_read(*guest_, arguments({in, buffer_, 9})));
  EXPECT_EQ(fourth.result()->value, 0u);
  EXPECT_EQ(fourth.result()->error, Error::kOk);
}

TEST_F(WaitTest, WriteMovesAtLeastOneByteOrSaysWhy) {
  const auto out = open_stream(out_, abi::rights::kWrite);
  poke_string("hello");
  const std::uint64_t text = poke_string("hello");
  out_.set_room(2);
  Waiting first(scheduler_, call_stream_write(*guest_, arguments({out, text, 5})));
  EXPECT_EQ(first.result()->value, 2u);
  Waiting second(scheduler_, call_stream_write(*guest_, arguments({out, text + 2, 3})));
  EXPECT_FALSE(second.done());
  out_.set_room(10);
  scheduler_.run();
  EXPECT_EQ(second.result()->value, 3u);
  EXPECT_EQ(out_.written(), "hello");
  out_.close();
  Waiting third(scheduler_, call_stream_write(*guest_, arguments({out, text, 5})));
  EXPECT_EQ(third.result()->error, Error::kClosed);
}

TEST_F(WaitTest, RightsAndKindsAreChecked) {
  const auto in = open_stream(in_, abi::rights::kRead);
  const auto file = open("hello.wasm");
  Waiting denied(scheduler_, call_stream_write(*guest_, arguments({in, buffer_, 5})));
  EXPECT_EQ(denied.result()->error, Error::kDenied);
  Waiting bad(scheduler_, call_stream_read(*guest_, arguments({file, buffer_, 5})));
  EXPECT_EQ(bad.result()->error, Error::kBadHandle);
  Waiting none(scheduler_, call_stream_read(*guest_, arguments({in, 0, 0})));
  EXPECT_EQ(none.result()->value, 0u);
  in_.feed("abc");
  Waiting wild(scheduler_, call_stream_read(*guest_, arguments({in, 8, 3})));
  EXPECT_EQ(wild.result()->error, Error::kBadAddress);
}

TEST_F(WaitTest, AKilledGuestsReadNeverReturns) {
  const auto in = open_stream(in_, abi::rights::kRead);
  Waiting read(scheduler_, call_stream_read(*guest_, arguments({in, buffer_, 9})));
  EXPECT_FALSE(read.done());
  guest_->kill();
  scheduler_.run();
  ASSERT_FALSE(read.result().has_value());
  EXPECT_EQ(read.result().error(), WaitOutcome::kKilled);
}

TEST_F(WaitTest, WaitManyEndsWithTheFirstThatIsReady) {
  const auto in = open_stream(in_, abi::rights::kRead);
  const auto out = open_stream(out_, abi::rights::kWrite);
  out_.set_room(0);
  poke_items({{in, abi::readiness::kReadable, 99, 0}, {out, abi::readiness::kWritable, 99, 0}});
  Waiting wait(scheduler_, call_wait_many(*guest_, arguments({buffer_, 2, abi::kNever})));
  EXPECT_FALSE(wait.done());
  EXPECT_EQ(in_.watchers(), 1);
  in_.feed("x");
  scheduler_.run();
  EXPECT_EQ(wait.result()->error, Error::kOk);
  EXPECT_EQ(wait.result()->value, 1u);
  EXPECT_EQ(ready(0), abi::readiness::kReadable);
  EXPECT_EQ(ready(1), 0u);
  EXPECT_EQ(in_.watchers(), 0);
  EXPECT_EQ(out_.watchers(), 0);
}

TEST_F(WaitTest, WaitManyEndsAtItsDeadline) {
  const auto in = open_stream(in_, abi::rights::kRead);
  poke_items({{in, abi::readiness::kReadable, 99, 0}});
  // 1000 ns are 10 ticks after tick 100.
  Waiting wait(scheduler_, call_wait_many(*guest_, arguments({buffer_, 1, 1000})));
  fake_now = 109;
  scheduler_.advance_to(109);
  EXPECT_FALSE(wait.done());
  fake_now = 110;
  scheduler_.advance_to(110);
  EXPECT_EQ(wait.result()->error, Error::kTimedOut);
  EXPECT_EQ(ready(0), 0u);
}

TEST_F(WaitTest, ADeadlineInThePastPolls) {
  const auto out = open_stream(out_, abi::rights::kWrite);
  poke_items({{out, abi::readiness::kWritable, 0, 0}});
  Waiting poll(scheduler_, call_wait_many(*guest_, arguments({buffer_, 1, 0})));
  EXPECT_EQ(poll.result()->value, 1u);
  out_.set_room(0);
  Waiting again(scheduler_, call_wait_many(*guest_, arguments({buffer_, 1, 0})));
  EXPECT_EQ(again.result()->error, Error::kTimedOut);
}

TEST_F(WaitTest, NoItemsIsASleepThatTheGuestsEndCutsShort) {
  Waiting sleep(scheduler_, call_wait_many(*guest_, arguments({0, 0, 1000})));
  fake_now = 110;
  scheduler_.advance_to(110);
  EXPECT_EQ(sleep.result()->error, Error::kTimedOut);
  Waiting forever(scheduler_, call_wait_many(*guest_, arguments({0, 0, abi::kNever})));
  EXPECT_FALSE(forever.done());
  guest_->kill();
  scheduler_.run();
  EXPECT_EQ(forever.result().error(), WaitOutcome::kKilled);
}

TEST_F(WaitTest, WaitManyRefusesNonsense) {
  const auto in = open_stream(in_, abi::rights::kRead);
  const auto error = [&](std::uint64_t address, std::uint64_t count) {
    Waiting wait(scheduler_, call_wait_many(*guest_, arguments({address, count, 0})));
    return wait.result()->error;
  };
  EXPECT_EQ(error(buffer_, 65), Error::kBadArgument);
  EXPECT_EQ(error(buffer_, ~std::uint64_t{0}), Error::kBadArgument);
  EXPECT_EQ(error(8, 1), Error::kBadAddress);
  poke_items({{in, 0, 0, 0}});
  EXPECT_EQ(error(buffer_, 1), Error::kBadArgument);
  poke_items({{in, 8, 0, 0}});
  EXPECT_EQ(error(buffer_, 1), Error::kBadArgument);
  poke_items({{in, abi::readiness::kWritable, 0, 0}});
  EXPECT_EQ(error(buffer_, 1), Error::kDenied);
  poke_items({{77, abi::readiness::kReadable, 0, 0}});
  EXPECT_EQ(error(buffer_, 1), Error::kBadHandle);
}

}  // namespace
}  // namespace quoll::guest
