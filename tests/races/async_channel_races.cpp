// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Channels between tasks, closed and cancelled at the same moment. A value is sent, received,
// refused or left behind; never lost or received twice.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/broadcast.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/async/unbounded_channel.hpp>

namespace quoll::races {
namespace {

constexpr unsigned kHarts = 3;

struct Suite : Cancelling<kHarts> {
  std::array<unsigned, 4> received{};
  std::array<GuardedWord<unsigned>, 4> content;
  unsigned sent = 0;

  void take(unsigned value) {
    require(content[value] == value, "what comes before sending is seen after receiving");
    ++received[value];
  }
  void check_all() const {
    for (unsigned value = 1; value < received.size(); ++value) {
      require(received[value] == ((sent >> value) & 1U), "what was sent is received, once");
    }
  }
};

/// A sender that waits, two receivers of which one may be cancelled, and the end of the channel.
struct Channel : rl::test_suite<Channel, kHarts>, Suite {
  async::Channel<unsigned, 1> channel;

  void before() {
    harts.spawn(send()).detach();
    harts.spawn(receive(source)).detach();
    harts.spawn(cancel_and(receive({}))).detach();
  }
  Task<void> send() {
    for (unsigned value = 1; value < 3; ++value) {
      content[value] = value;
      if (co_await channel.send(value)) sent |= 1U << value;
    }
    channel.close();
  }
  Task<void> receive(CancelToken token) {
    for (;;) {
      const auto value = co_await channel.receive(token);
      if (!value) co_return;
      take(*value);
    }
  }
  void after() {
    require(sent == 0b110, "nothing keeps the sender from sending");
    check_all();
  }
};

/// Senders to a full channel, one of which may be cancelled; the receiver closes it early.
struct Senders : rl::test_suite<Senders, kHarts>, Suite {
  async::Channel<unsigned, 1> channel;

  void before() {
    harts.spawn(send(1, {})).detach();
    harts.spawn(send(2, source)).detach();
    harts.spawn(cancel_and(receive())).detach();
  }
  Task<void> send(unsigned value, CancelToken token) {
    content[value] = value;
    if (co_await channel.send(value, token)) sent |= 1U << value;
  }
  Task<void> receive() {
    const auto first = co_await channel.receive();
    require(first.has_value(), "one is sent at least");
    take(*first);
    channel.close();
    for (;;) {
      const auto value = co_await channel.receive();
      if (!value) co_return;
      take(*value);
    }
  }
  void after() { check_all(); }
};

struct Oneshot : rl::test_suite<Oneshot, kHarts>, Suite {
  std::optional<async::Oneshot<unsigned>> oneshot{std::in_place};

  void before() {
    harts.spawn(send()).detach();
    harts.spawn(receive()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> send() {
    content[1] = 1;
    require(oneshot->send(1), "nothing was sent before");
    co_return;
  }
  Task<void> receive() {
    const auto value = co_await oneshot->receive(source);
    if (!value) co_return;
    take(*value);
    oneshot.reset();
  }
};

/// Two senders that never wait, a receiver that may be cancelled, and one who takes the rest.
struct Unbounded : rl::test_suite<Unbounded, kHarts>, Suite {
  async::UnboundedChannel<unsigned> channel;

  void before() {
    harts.spawn(receive(source)).detach();
    harts.spawn(send(1)).detach();
    harts.spawn(cancel_and(send(2))).detach();
  }
  Task<void> send(unsigned value) {
    content[value] = value;
    if (channel.send(value)) sent |= 1U << value;
    co_return;
  }
  Task<void> receive(CancelToken token) {
    for (unsigned count = 0; count < 2; ++count) {
      auto value = co_await channel.receive(token);
      if (!value) value = co_await channel.receive();
      require(value.has_value(), "what is sent is received");
      take(*value);
    }
    channel.close();
    require(!channel.send(3).has_value(), "a closed channel refuses");
  }
  void after() { check_all(); }
};

/// One sends more than a broadcast holds; two receive, each all or the number of what it missed.
struct Broadcast : rl::test_suite<Broadcast, kHarts>, Suite {
  using Values = async::Broadcast<unsigned, 1>;
  Values values;

  void before() {
    harts.spawn(receive(values.subscribe(), source)).detach();
    harts.spawn(receive(values.subscribe(), {})).detach();
    harts.spawn(cancel_and(send())).detach();
  }
  Task<void> send() {
    for (unsigned value = 1; value < 3; ++value) {
      content[value] = value;
      require(values.send(value).has_value(), "sending never waits");
    }
    values.close();
    co_return;
  }
  Task<void> receive(Values::Receiver receiver, CancelToken token) {
    using enum async::BroadcastError::Reason;
    unsigned next = 1;
    for (;;) {
      const auto value = co_await receiver.receive(token);
      if (value) {
        require(*value == next, "values come in order, and none is missed in silence");
        require(content[next] == next, "what comes before sending is seen after receiving");
        ++next;
      } else if (value.error().reason == kLagged) {
        next += static_cast<unsigned>(value.error().lagged);
      } else if (value.error().reason == kClosed) {
        require(next == 3, "all is seen before the end");
        co_return;
      } else {
        token = {};
      }
    }
  }
};

constexpr std::array kControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"channel", &rl::simulate<Channel>, 2, 3, 200'000, kControls},
    Model{"senders", &rl::simulate<Senders>, 3, 4, 0, kControls},
    Model{"oneshot", &rl::simulate<Oneshot>, 3, 4, 0, kControls},
    Model{"unbounded", &rl::simulate<Unbounded>, 3, 4, 0, kControls},
    Model{"broadcast", &rl::simulate<Broadcast>, 2, 3, 200'000, kControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
