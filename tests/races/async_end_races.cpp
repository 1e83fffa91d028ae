// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What tasks wait for, freed at once by the one that goes on last: whoever has woken it must not
// touch it any more. No wait has a token, whose cancellation would still look there.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/barrier.hpp>
#include <quoll/async/broadcast.hpp>
#include <quoll/async/channel.hpp>
#include <quoll/async/condition.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/async/once.hpp>
#include <quoll/async/rw_lock.hpp>
#include <quoll/async/semaphore.hpp>
#include <quoll/async/unbounded_channel.hpp>
#include <quoll/async/wait_queue.hpp>

namespace quoll::races {
namespace {

/// Two tasks on two harts, and what they wait for.
template <typename Suite, typename What, auto... kWords>
struct Ending : rl::test_suite<Suite, 2> {
  Harts harts{2};
  std::optional<What> what{std::in_place, kWords...};

  void thread(unsigned) { harts.run(); }
  void after() { require(harts.all_ended() && !what, "all tasks end"); }
};

/// One task has its turn after the other, and the second frees what gave it.
template <typename What, auto kTake, auto... kWords>
struct Turns : Ending<Turns<What, kTake, kWords...>, What, kWords...> {
  GuardedWord<bool> is_second = false;

  void before() {
    this->harts.spawn(use()).detach();
    this->harts.spawn(use()).detach();
  }
  Task<void> use() {
    bool was_second = false;
    {
      const auto turn = co_await kTake(*this->what);
      require(turn.has_value(), "each has its turn");
      was_second = is_second;
      is_second = true;
    }
    if (was_second) this->what.reset();
  }
};

/// What one task sends, or that it sends nothing, another waits for and frees.
template <typename What, auto kGive>
struct Gives : Ending<Gives<What, kGive>, What> {
  void before() {
    this->harts.spawn(take()).detach();
    this->harts.spawn(kGive(*this->what)).detach();
  }
  Task<void> take() {
    (void)co_await this->what->receive();
    this->what.reset();
  }
};

/// The same for values that many receive.
struct Broadcast : Ending<Broadcast, async::Broadcast<unsigned, 1>> {
  void before() {
    harts.spawn(take(what->subscribe())).detach();
    harts.spawn(give()).detach();
  }
  Task<void> take(async::Broadcast<unsigned, 1>::Receiver receiver) {
    require((co_await receiver.receive()).has_value(), "what is sent is received");
    what.reset();
  }
  Task<void> give() {
    require(what->send(1).has_value(), "sending never waits");
    co_return;
  }
};

/// Two tasks come, and the one that had to wait frees the barrier.
struct Barrier : Ending<Barrier, async::Barrier, 2U> {
  void before() {
    harts.spawn(come()).detach();
    harts.spawn(come()).detach();
  }
  Task<void> come() {
    const auto role = co_await what->arrive();
    if (role && *role == async::BarrierRole::kFollower) what.reset();
  }
};

/// A task is notified by one that does not hold its mutex, and frees the condition.
template <auto kNotify>
struct Condition : Ending<Condition<kNotify>, async::Condition> {
  async::Mutex mutex;

  void before() { this->harts.spawn(wait()).detach(); }
  Task<void> wait() {
    auto guard = co_await mutex.lock();
    require(guard.has_value(), "nobody cancels");
    // Comes to its turn as soon as this one waits.
    this->harts.spawn(notify()).detach();
    require((co_await this->what->wait(*guard)).has_value(), "nobody cancels");
    this->what.reset();
  }
  Task<void> notify() {
    require((co_await mutex.lock()).has_value(), "nobody cancels");
    kNotify(*this->what);
  }
};

/// A task that waits in a queue is woken alone, and frees the queue.
struct Queue : Ending<Queue, async::WaitQueue> {
  GuardedWord<bool> is_woken = false;

  void before() {
    harts.spawn(wait()).detach();
    harts.spawn(wake()).detach();
  }
  Task<void> wait() {
    // Under the lock of the queue.
    const auto waited = co_await what->wait_unless([this] { return static_cast<bool>(is_woken); });
    require(waited.has_value(), "nobody cancels");
    what.reset();
  }
  Task<void> wake() {
    (void)what->wake_one_or([this] { is_woken = true; });
    co_return;
  }
};

constexpr auto kNotifyOne = [](async::Condition& condition) { condition.notify_one(); };
constexpr auto kNotifyAll = [](async::Condition& condition) { condition.notify_all(); };
constexpr auto kLock = [](async::Mutex& mutex) { return mutex.lock(); };
constexpr auto kWrite = [](async::RwLock& lock) { return lock.write(); };
constexpr auto kAcquire = [](async::Semaphore& semaphore) { return semaphore.acquire(); };
// Neither does it: the turn goes on.
constexpr auto kEnter = [](async::Once& once) { return once.enter(); };

using Channel = async::Channel<unsigned, 1>;
using Unbounded = async::UnboundedChannel<unsigned>;
constexpr auto kSend = [](Channel& channel) -> Task<void> { (void)co_await channel.send(1); };
constexpr auto kSendOne = [](auto& channel) -> Task<void> {
  (void)channel.send(1);
  co_return;
};
constexpr auto kClose = [](auto& channel) -> Task<void> {
  channel.close();
  co_return;
};

constexpr std::array kControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"mutex", &rl::simulate<Turns<async::Mutex, kLock>>, 4, 6, 0, kControls},
    Model{"rw_lock", &rl::simulate<Turns<async::RwLock, kWrite>>, 4, 6, 0, kControls},
    Model{"semaphore", &rl::simulate<Turns<async::Semaphore, kAcquire, 1U>>, 4, 6, 0, kControls},
    Model{"once", &rl::simulate<Turns<async::Once, kEnter>>, 4, 6, 0, kControls},
    Model{"channel", &rl::simulate<Gives<Channel, kSend>>, 4, 6, 0, kControls},
    Model{"channel_close", &rl::simulate<Gives<Channel, kClose>>, 4, 6, 0, kControls},
    Model{"unbounded", &rl::simulate<Gives<Unbounded, kSendOne>>, 4, 6, 0, kControls},
    Model{"oneshot", &rl::simulate<Gives<async::Oneshot<unsigned>, kSendOne>>, 4, 6, 0, kControls},
    Model{"broadcast", &rl::simulate<Broadcast>, 4, 6, 0, kControls},
    Model{"condition_one", &rl::simulate<Condition<kNotifyOne>>, 4, 6, 0, kControls},
    Model{"condition_all", &rl::simulate<Condition<kNotifyAll>>, 4, 6, 0, kControls},
    Model{"queue", &rl::simulate<Queue>, 4, 6, 0, kControls},
    Model{"barrier", &rl::simulate<Barrier>, 4, 6, 0, kControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
