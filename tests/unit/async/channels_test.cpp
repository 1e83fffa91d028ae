// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Channels of all kinds: order, and the end from either side. Nobody waits for one that is closed.
#include <gtest/gtest.h>
#include <memory>

#include <quoll/async/broadcast.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/async/unbounded_channel.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "turns.hpp"

namespace quoll::async::testing {
namespace {

#define START(...) EXPECT_TRUE((co_await turns.start(__VA_ARGS__).checked()).has_value())
#define OTHERS() EXPECT_TRUE((co_await Turns::others().checked()).has_value())
#define JOIN() EXPECT_TRUE((co_await turns.join().checked()).has_value())

char sign_of(WaitError error) {
  return error == WaitError::kClosed ? '-' : '!';
}
/// Receives until an error; notes digits, then '-' for closed and '!' for cancelled.
template <typename From>
Task<void> receive_all(Turns& turns, From& from, CancelToken token = {}) {
  for (;;) {
    const auto value = co_await from.receive(token);
    if (!value) {
      turns.note(sign_of(value.error()));
      co_return;
    }
    turns.note(static_cast<char>('0' + *value));
  }
}
template <typename To>
Task<void> send_one(Turns& turns, To& to, int value, CancelToken token = {}) {
  const auto sent = co_await to.send(value, token);
  turns.note(sent ? 's' : sign_of(sent.error()));
}

TEST(Channel, ClosingWakesSendersThatWait) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Channel<int, 1> channel;
    CancelSource source;
    START(send_one(turns, channel, 1));
    START(send_one(turns, channel, 2));
    START(send_one(turns, channel, 3, source));
    START(send_one(turns, channel, 4));
    EXPECT_EQ(turns.notes(), "s");
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "!");
    EXPECT_EQ(*co_await channel.receive(), 1);
    channel.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "s-") << "the second was in the channel already";
    START(receive_all(turns, channel));
    EXPECT_EQ(turns.notes(), "2-");
  });
}

TEST(Channel, ClosingWakesReceiversThatWait) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Channel<int, 2> channel;
    CancelSource source;
    START(receive_all(turns, channel, source));
    START(receive_all(turns, channel));
    START(receive_all(turns, channel));
    source.cancel();
    OTHERS();
    channel.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "!--");
  });
}

TEST(Oneshot, ClosingWakesTheReceiver) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Oneshot<int> closed;
    START(receive_all(turns, closed));
    closed.close();
    OTHERS();
    EXPECT_EQ(turns.notes(), "-");
    EXPECT_FALSE(closed.send(1));
    EXPECT_EQ((co_await closed.receive()).error(), WaitError::kClosed);
    Oneshot<int> sent;
    EXPECT_TRUE(sent.send(7));
    EXPECT_FALSE(sent.send(8));
    sent.close();
    EXPECT_EQ(*co_await sent.receive(), 7) << "what was sent before the end";
  });
}

TEST(UnboundedChannel, KeepsTheOrderAndEndsOnClose) {
  run_in_turns([](Turns& turns) -> Task<void> {
    UnboundedChannel<int> channel;
    for (int value = 1; value < 4; ++value) EXPECT_TRUE(channel.send(value).has_value());
    START(receive_all(turns, channel));
    EXPECT_EQ(turns.notes(), "123");
    EXPECT_TRUE(channel.send(4).has_value());
    EXPECT_TRUE(channel.send(5).has_value());
    OTHERS();
    EXPECT_EQ(turns.notes(), "45");
    channel.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "-");
    EXPECT_EQ(channel.send(6).error(), WaitError::kClosed);
  });
}

TEST(UnboundedChannel, ACancelledReceiverLosesNothing) {
  run_in_turns([](Turns& turns) -> Task<void> {
    UnboundedChannel<int> channel;
    CancelSource source;
    START(receive_all(turns, channel, source));
    source.cancel();
    OTHERS();
    EXPECT_EQ(turns.notes(), "!");
    EXPECT_TRUE(channel.send(1).has_value());
    EXPECT_EQ(*co_await channel.receive(), 1);
  });
}

TEST(UnboundedChannel, WithoutMemorySendingFails) {
  run_in_turns([](Turns&) -> Task<void> {
    UnboundedChannel<std::unique_ptr<int>> channel;
    EXPECT_TRUE(channel.send(std::make_unique<int>(1)).has_value());
    {
      const test::FailingNew failing(0);
      EXPECT_EQ(channel.send(nullptr).error(), WaitError::kOutOfMemory);
    }
    EXPECT_TRUE(channel.send(std::make_unique<int>(2)).has_value());
    const auto first = co_await channel.receive();
    EXPECT_TRUE(first && **first == 1);
    // The second goes with the channel.
  });
}

using Numbers = Broadcast<int, 4>;

/// Notes digits, "L" and a digit for what it has missed, '-' for closed, '!' for cancelled.
Task<void> listen(Turns& turns, Numbers::Receiver receiver, CancelToken token = {}) {
  for (;;) {
    const auto value = co_await receiver.receive(token);
    if (value) {
      turns.note(static_cast<char>('0' + *value));
      continue;
    }
    const BroadcastError error = value.error();
    if (error.reason != BroadcastError::Reason::kLagged) {
      turns.note(error.reason == BroadcastError::Reason::kClosed ? '-' : '!');
      co_return;
    }
    turns.note('L');
    turns.note(static_cast<char>('0' + error.lagged));
  }
}

TEST(Broadcast, EveryReceiverSeesEveryValue) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Numbers numbers;
    EXPECT_TRUE(numbers.send(1).has_value()) << "nobody hears it";
    START(listen(turns, numbers.subscribe()));
    START(listen(turns, numbers.subscribe()));
    EXPECT_TRUE(numbers.send(2).has_value());
    OTHERS();
    EXPECT_TRUE(numbers.send(3).has_value());
    OTHERS();
    EXPECT_EQ(turns.notes(), "2233");
    numbers.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "--");
    EXPECT_EQ(numbers.send(4).error(), WaitError::kClosed);
  });
}

TEST(Broadcast, WhoIsTooSlowIsToldHowManyItMissed) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Numbers numbers;
    auto slow = numbers.subscribe();
    for (int value = 1; value < 8; ++value) EXPECT_TRUE(numbers.send(value).has_value());
    numbers.close();
    START(listen(turns, slow));
    EXPECT_EQ(turns.notes(), "L34567-");
    // It was woken, and before it ran too much was sent.
    Numbers others;
    START(listen(turns, others.subscribe()));
    for (int value = 1; value < 7; ++value) EXPECT_TRUE(others.send(value).has_value());
    OTHERS();
    EXPECT_EQ(turns.notes(), "L23456");
    others.close();
    JOIN();
    EXPECT_EQ(turns.notes(), "-");
  });
}

TEST(Broadcast, ACancelledWaitMissesNothing) {
  run_in_turns([](Turns& turns) -> Task<void> {
    Numbers numbers;
    CancelSource source;
    auto receiver = numbers.subscribe();
    START(listen(turns, receiver, source));
    source.cancel();
    JOIN();
    EXPECT_EQ(turns.notes(), "!");
    EXPECT_TRUE(numbers.send(1).has_value());
    EXPECT_EQ(*co_await receiver.receive(), 1);
  });
}

}  // namespace
}  // namespace quoll::async::testing
