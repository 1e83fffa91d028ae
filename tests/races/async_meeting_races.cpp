// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tasks that wait for each other, at conditions, barriers and for something to be done once, with
// waits that are cancelled at the same moment.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/barrier.hpp>
#include <quoll/async/condition.hpp>
#include <quoll/async/mutex.hpp>
#include <quoll/async/once.hpp>

namespace quoll::races {
namespace {

constexpr unsigned kHarts = 3;

using Suite = Cancelling<kHarts>;

/// One waits for a word that another changes, and may be cancelled; both hold the mutex.
struct Condition : rl::test_suite<Condition, kHarts>, Suite {
  async::Mutex mutex;
  async::Condition condition;
  GuardedWord<unsigned> guarded = 0U;
  unsigned ended = 0;

  void before() {
    harts.spawn(wait(source)).detach();
    harts.spawn(change()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> wait(CancelToken token) {
    auto guard = co_await mutex.lock();
    while (guarded == 0) {
      const auto waited = co_await condition.wait(*guard, token);
      guarded = guarded + 2;
      guarded = guarded - 2;
      if (!waited) break;
    }
    ++ended;
  }
  Task<void> change() {
    auto guard = co_await mutex.lock();
    guarded = guarded + 1;
    condition.notify_one();
  }
  void after() { require(ended == 1 && guarded == 1, "a wait ends, with the mutex held"); }
};

/// Two tasks come; the wait of one may be cancelled, and then it comes again. Who goes last frees
/// the barrier.
struct Barrier : rl::test_suite<Barrier, kHarts>, Suite {
  std::optional<async::Barrier> barrier{std::in_place, 2U};
  std::array<GuardedWord<unsigned>, 2> before_it;
  Atomic<unsigned, 98> leaving{0};
  unsigned leaders = 0;

  void before() {
    harts.spawn(come(0, source)).detach();
    harts.spawn(come(1, {})).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> come(std::size_t self, CancelToken token) {
    before_it[self] = 1;
    auto role = co_await barrier->arrive(token);
    if (!role) role = co_await barrier->arrive();
    require(role.has_value(), "a round ends when all have come");
    require(before_it[1 - self] == 1, "what comes before a barrier is seen behind it");
    if (*role == async::BarrierRole::kLeader) ++leaders;
    if (leaving.fetch_add(1, std::memory_order_acq_rel) == 1) barrier.reset();
  }
  void after() { require(leaders == 1, "a round has one leader"); }
};

/// The first to come fails, or is cancelled before; the next one does it.
struct Once : rl::test_suite<Once, kHarts>, Suite {
  async::Once once;
  GuardedWord<unsigned> made = 0U;

  void before() {
    harts.spawn(enter(true, {})).detach();
    harts.spawn(enter(false, source)).detach();
    harts.spawn(cancel_and(enter(false, {}))).detach();
  }
  Task<void> enter(bool fails, CancelToken token) {
    auto turn = co_await once.enter(token);
    if (!turn) co_return;
    if (!turn->is_ours()) {
      require(made == 1, "what is done is seen");
    } else if (!fails) {
      made = made + 1;
      turn->complete();
    }
  }
  void after() { require(once.is_done() && made == 1, "it is done once"); }
};

/// Somebody only looks whether it is done.
struct OnceLooker : rl::test_suite<OnceLooker, 2> {
  Harts harts{1};
  async::Once once;
  GuardedWord<unsigned> made = 0U;

  void before() { harts.spawn(make()).detach(); }
  void thread(unsigned thread) {
    if (thread == 0) {
      harts.run();
    } else if (once.is_done()) {
      require(made == 1, "what is done is seen");
    }
  }
  Task<void> make() {
    auto turn = co_await once.enter();
    made = 1;
    turn->complete();
  }
};

constexpr std::array kControls{
    Control{"locking does not acquire", kLockWord, Weakening::kAcquire},
    Control{"unlocking does not release", kLockWord, Weakening::kRelease},
};
constexpr std::array kConditionControls{
    kControls[0],
    kControls[1],
    Control{"who stops waiting for a condition gets the mutex under the condition's lock", 0,
            Weakening::kBroken},
};
constexpr std::array kOnceControls{
    kControls[0],
    kControls[1],
    Control{"whose turn is next is woken under the lock", 0, Weakening::kBroken},
};
constexpr std::array kFlagControls{
    Control{"flags do not acquire", kFlagWord, Weakening::kAcquire},
    Control{"flags do not release", kFlagWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"condition", &rl::simulate<Condition>, 3, 4, 0, kConditionControls},
    Model{"barrier", &rl::simulate<Barrier>, 3, 4, 0, kControls},
    Model{"once", &rl::simulate<Once>, 3, 4, 0, kOnceControls},
    Model{"once_looker", &rl::simulate<OnceLooker>, 5, 7, 0, kFlagControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
