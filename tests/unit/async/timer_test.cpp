// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <random>

#include <quoll/async/timer.hpp>

#include "thread_machine.hpp"

namespace quoll::async {
namespace {

struct Noted : Timer {
  std::vector<const Noted*>* fired = nullptr;
  std::uint64_t inserted = 0;  ///< in which order
};

/// A wheel, and all that is in it in the order in which it must fire.
class Modelled {
 public:
  explicit Modelled(unsigned seed) : random_(seed) {}

  Ticks now() const { return now_; }
  void insert(Ticks deadline) {
    Noted& timer = timers_.emplace_back();
    timer.deadline = deadline;
    timer.fired = &fired_;
    timer.inserted = timers_.size();
    timer.fire = [](Timer& t) noexcept {
      auto& noted = static_cast<Noted&>(t);
      noted.fired->push_back(&noted);
    };
    const detail::LockGuard guard(wheel_.lock());
    wheel_.insert_locked(timer);
    queued_.push_back(&timer);
  }
  void remove_any() {
    if (!queued_.empty()) remove(random_() % queued_.size());
  }
  /// Of those that are queued, in the order of insertion.
  void remove(std::size_t which) {
    const auto chosen = queued_.begin() + static_cast<std::ptrdiff_t>(which);
    const detail::LockGuard guard(wheel_.lock());
    ASSERT_TRUE((*chosen)->queued);
    wheel_.remove_locked(**chosen);
    queued_.erase(chosen);
    was_removed_ = true;
  }
  /// Time passes, and what fires is what is due: in order, but for what was overdue when it came.
  void advance_to(Ticks now) {
    now_ = now;
    fired_.clear();
    wheel_.expire(now_);
    std::vector<const Noted*> due;
    std::erase_if(queued_, [&](Noted* timer) {
      if (timer->deadline > now_) return false;
      due.push_back(timer);
      return true;
    });
    std::stable_sort(due.begin(), due.end(),
                     [](const Noted* a, const Noted* b) { return a->deadline < b->deadline; });
    ASSERT_EQ(fired_.size(), due.size());
    ASSERT_TRUE(std::is_permutation(fired_.begin(), fired_.end(), due.begin()));
    for (const Noted* timer : fired_) ASSERT_FALSE(timer->queued);
    if (all_in_time_) {
      ASSERT_EQ(fired_, due);
    }
  }
  void check_next() const {
    const Ticks next = wheel_.next_deadline();
    Ticks earliest = kNever;
    for (const Noted* timer : queued_) earliest = std::min(earliest, timer->deadline);
    ASSERT_LE(next, earliest);
    if (!was_removed_) {
      ASSERT_EQ(next, earliest);
    }
  }
  /// Jumps as a hart does that sleeps until the next deadline; how often, until all have fired.
  unsigned sleep_until_empty() {
    unsigned wakes = 0;
    for (; !queued_.empty(); ++wakes) {
      const Ticks next = wheel_.next_deadline();
      EXPECT_NE(next, kNever);
      if (next == kNever || ::testing::Test::HasFatalFailure()) break;
      advance_to(std::max(now_, next));
    }
    // The last one may have been removed: one look, and nothing is due.
    const Ticks left = wheel_.next_deadline();
    if (wakes == 0 && was_removed_ && left != kNever) advance_to(std::max(now_, left));
    EXPECT_EQ(wheel_.next_deadline(), kNever);
    return wakes;
  }
  std::mt19937_64& random() { return random_; }
  std::size_t size() const { return queued_.size(); }
  /// From now on timers are overdue when they are inserted.
  void allow_overdue() { all_in_time_ = false; }

 private:
  TimerWheel wheel_;
  std::deque<Noted> timers_;
  std::vector<Noted*> queued_;
  std::vector<const Noted*> fired_;
  std::mt19937_64 random_;
  Ticks now_ = 0;
  bool was_removed_ = false;
  bool all_in_time_ = true;
};

/// Distances of every magnitude, with multiples and neighbours of the digits' weights.
Ticks any_distance(std::mt19937_64& random) {
  const Ticks magnitude = Ticks{1} << random() % 40;
  const Ticks distance = random() % 2 == 0 ? random() % magnitude : magnitude * (random() % 33);
  return random() % 4 == 0 && distance != 0 ? distance - 1 : distance;
}

TEST(TimerWheel, FiresInOrderAgainstAModel) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  for (unsigned round = 0; round < 40; ++round) {
    Modelled model(seed + round);
    auto& random = model.random();
    if (round % 4 == 3) model.allow_overdue();
    model.advance_to(round % 2 == 0 ? 0 : random() >> 20);
    for (int step = 0; step < 500 && !HasFatalFailure(); ++step) {
      const Ticks distance = any_distance(random);
      switch (random() % 8) {
        case 0:
          model.advance_to(model.now() + any_distance(random));
          break;
        case 1:
          if (round % 3 != 0) model.remove_any();
          break;
        case 2:
          if (round % 4 == 3) {
            model.insert(model.now() - std::min(model.now(), distance));
            break;
          }
          [[fallthrough]];
        default:
          model.insert(model.now() + distance);
      }
      model.check_next();
    }
    model.sleep_until_empty();
    if (HasFatalFailure()) return;
  }
}

TEST(TimerWheel, WakesNobodyForWhatNeverHappens) {
  // Nothing was removed, so each wake fires something: time does not stop at slots.
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  Modelled model(seed);
  for (int i = 0; i < 1000; ++i) model.insert(any_distance(model.random()));
  const std::size_t timers = model.size();
  EXPECT_LE(model.sleep_until_empty(), timers);
}

TEST(TimerWheel, OfOneTickTheFirstInsertedFiresFirst) {
  Modelled model(1);
  // Equal deadlines come to their slot from far and from near.
  for (int i = 0; i < 10; ++i) model.insert(100'000);
  model.insert(99'000);
  model.advance_to(98'000);
  for (int i = 0; i < 10; ++i) model.insert(100'000);
  model.insert(99'990);
  model.advance_to(100'000);
  EXPECT_EQ(model.size(), 0u);
}

TEST(TimerWheel, OfOneTickTheFirstInsertedFiresFirstThoughAnEarlierOneWasRemoved) {
  // All four wait in one slot. Without the first nobody knows which of the rest is the earliest.
  Modelled model(1);
  for (const Ticks deadline : {70U, 90U, 80U}) model.insert(deadline);
  model.remove(0);
  model.insert(80);
  model.advance_to(100);
  EXPECT_EQ(model.size(), 0u);
}

TEST(TimerWheel, HoldsWhatNeverComes) {
  Modelled model(1);
  model.insert(kNever);
  model.insert(kNever - 1);
  model.check_next();
  model.insert(5);
  model.advance_to(Ticks{1} << 62);
  model.check_next();
  EXPECT_EQ(model.size(), 2u);
  model.advance_to(kNever);
  EXPECT_EQ(model.size(), 0u);
}

TEST(Sleep, EndsInTheOrderOfDeadlines) {
  testing::World world;
  std::vector<int> order;
  EXPECT_TRUE(world.run(1, [](testing::World& w, std::vector<int>& out) -> Task<void> {
    std::vector<JoinHandle<>> handles;
    for (const int delay : {30, 10, 20}) {
      auto spawned = w.executor().spawn([](int d, std::vector<int>& o) -> Task<void> {
        EXPECT_TRUE((co_await sleep_until(static_cast<Ticks>(d))).has_value());
        o.push_back(d);
      }(delay, out));
      EXPECT_TRUE(spawned.has_value());
      handles.push_back(std::move(*spawned));
    }
    for (auto& handle : handles) EXPECT_TRUE((co_await handle.join()).has_value());
  }(world, order)));
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
}

TEST(Interval, KeepsItsTimesWhenATaskIsLate) {
  testing::World world;
  EXPECT_TRUE(world.run(1, [](testing::World& w) -> Task<void> {
    const Ticks start = w.machine().now();
    Interval interval(start, 100);
    EXPECT_EQ((co_await interval.next(w.machine().now())).value(), 1u);
    EXPECT_EQ(w.machine().now(), start + 100);
    // Late by two and a half periods: the next time is a multiple still, and they are counted.
    EXPECT_TRUE((co_await sleep_until(start + 350)).has_value());
    EXPECT_EQ((co_await interval.next(w.machine().now())).value(), 3u);
    EXPECT_EQ(w.machine().now(), start + 400);
    CancelSource source;
    source.cancel();
    EXPECT_EQ((co_await interval.next(w.machine().now(), source)).error(), WaitError::kCancelled);
  }(world)));
}

TEST(Interval, NeverComesPastTheEndOfTime) {
  testing::World world;
  EXPECT_TRUE(world.run(1, [](testing::World& w) -> Task<void> {
    Interval interval(kNever - 5, 3);
    EXPECT_EQ((co_await interval.next(w.machine().now())).value(), 1u);
    EXPECT_EQ(w.machine().now(), kNever - 2);
    CancelSource source;
    auto waiting = w.executor().spawn([](Interval& i, CancelToken token) -> Task<void> {
      EXPECT_EQ((co_await i.next(kNever - 2, token)).error(), WaitError::kCancelled);
    }(interval, source));
    EXPECT_TRUE(waiting.has_value());
    for (int i = 0; i < 10; ++i) co_await yield_now();
    EXPECT_FALSE(waiting->done());
    source.cancel();
    EXPECT_TRUE((co_await waiting->join()).has_value());
  }(world)));
}

}  // namespace
}  // namespace quoll::async
