// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Locks of tasks, handed over and cancelled at the same moment: what was granted to somebody who
// gives up must go on to the next.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/mutex.hpp>
#include <quoll/async/rw_lock.hpp>
#include <quoll/async/semaphore.hpp>

namespace quoll::races {
namespace {

constexpr unsigned kHarts = 3;

using Suite = Cancelling<kHarts>;

/// Three tasks lock; one of them may be cancelled while it waits.
struct Mutex : rl::test_suite<Mutex, kHarts>, Suite {
  async::Mutex mutex;
  Exclusive guarded;
  unsigned locked = 0;

  void before() {
    harts.spawn(lock({})).detach();
    harts.spawn(lock(source)).detach();
    harts.spawn(cancel_and(lock({}))).detach();
  }
  Task<void> lock(CancelToken token) {
    const auto guard = co_await mutex.lock(token);
    if (!guard) co_return;
    guarded.use();
    ++locked;
  }
  void after() {
    require(locked == guarded.uses() && locked >= 2, "all lock, but the one who is cancelled");
  }
};

/// A reader, a writer that may be cancelled, and a reader behind it.
struct RwLock : rl::test_suite<RwLock, kHarts>, Suite {
  async::RwLock lock;
  GuardedWord<unsigned> guarded = 0U;
  unsigned readers = 0;
  bool is_written = false;

  void before() {
    harts.spawn(read()).detach();
    harts.spawn(write()).detach();
    harts.spawn(cancel_and(read())).detach();
  }
  Task<void> read() {
    const auto guard = co_await lock.read();
    require(guard.has_value(), "who is not cancelled reads");
    const bool before = is_written;
    require(guarded == (before ? 1U : 0U), "a reader sees what writers before it did");
    ++readers;
  }
  Task<void> write() {
    const auto guard = co_await lock.write(source);
    if (!guard) co_return;
    guarded = 1;
    is_written = true;
  }
  void after() { require(readers == 2, "all readers get the lock"); }
};

/// Two permits; a request for both, which may be cancelled, and two for one.
struct Semaphore : rl::test_suite<Semaphore, kHarts>, Suite {
  async::Semaphore semaphore{2};
  unsigned held = 0;

  void before() {
    harts.spawn(acquire(1, {})).detach();
    harts.spawn(acquire(2, source)).detach();
    harts.spawn(cancel_and(acquire(1, {}))).detach();
  }
  Task<void> acquire(unsigned count, CancelToken token) {
    auto permits = co_await semaphore.acquire(count, token);
    require(permits || count == 2, "who is not cancelled gets its permits");
    if (!permits) co_return;
    held += count;
    require(held <= 2, "no more permits than there are");
    held -= count;
  }
  void after() { require(semaphore.available() == 2, "all permits come back"); }
};

constexpr std::array kControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr Control kCancelled{"whom a cancelled wait lets in is woken under the lock", 0,
                             Weakening::kBroken};
constexpr std::array kRwLockControls{
    kControls[0],
    kControls[1],
    kCancelled,
    Control{"who gives a lock back wakes the next under the list's lock", 0, Weakening::kBroken},
};
constexpr std::array kSemaphoreControls{
    kControls[0],
    kControls[1],
    kCancelled,
    Control{"who gives permits back wakes the next under the list's lock", 0, Weakening::kBroken},
};
constexpr std::array kModels{
    Model{"mutex", &rl::simulate<Mutex>, 3, 4, 0, kControls},
    Model{"rw_lock", &rl::simulate<RwLock>, 3, 4, 0, kRwLockControls},
    Model{"semaphore", &rl::simulate<Semaphore>, 3, 4, 0, kSemaphoreControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
