// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signals, which have no lock: set, awaited and cancelled at the same moment. An event that comes
// between two waits ends the second.
#include "async_tasks.hpp"
// After the words.
#include <quoll/async/signal.hpp>

namespace quoll::races {
namespace {

using async::Signal;

constexpr unsigned kHarts = 3;

struct Suite {
  Harts harts{kHarts};
  void thread(unsigned) { harts.run(); }
};

/// One waits, one sets, one cancels the wait, which is then tried again. Whoever has waited frees
/// the signal.
struct CancelledSignal : rl::test_suite<CancelledSignal, kHarts>, Suite {
  std::optional<Signal> signal{std::in_place};
  std::optional<CancelSource> source{std::in_place};
  GuardedWord<unsigned> sent = 0U;
  GuardedWord<unsigned> reason = 0U;

  void before() {
    harts.spawn(wait()).detach();
    harts.spawn(set()).detach();
    harts.spawn(cancel()).detach();
  }
  Task<void> wait() {
    auto waited = co_await signal->wait(*source);
    if (!waited) {
      require(reason == 1, "what comes before a cancellation is seen after it");
      source.reset();
      waited = co_await signal->wait();
    }
    require(waited.has_value(), "an event ends a wait");
    require(sent == 1, "what comes before an event is seen after it");
    signal.reset();
  }
  Task<void> set() {
    sent = 1;
    signal->set();
    co_return;
  }
  Task<void> cancel() {
    reason = 1;
    source->cancel();
    co_return;
  }
  void after() { require(harts.all_ended(), "all tasks end"); }
};

/// Two set; one waits until it has seen what both did. What is remembered is one event, for both.
struct TwoSetters : rl::test_suite<TwoSetters, kHarts>, Suite {
  Signal signal;
  std::array<Atomic<unsigned, 97>, 2> done;

  void before() {
    harts.spawn(wait()).detach();
    harts.spawn(set(0)).detach();
    harts.spawn(set(1)).detach();
  }
  bool all_done() const {
    return done[0].load(std::memory_order_relaxed) == 1 &&
           done[1].load(std::memory_order_relaxed) == 1;
  }
  Task<void> wait() {
    while (!all_done()) require((co_await signal.wait()).has_value(), "an event ends a wait");
  }
  Task<void> set(std::size_t self) {
    done[self].store(1, std::memory_order_relaxed);
    signal.set();
    co_return;
  }
  void after() { require(harts.all_ended(), "no event is lost"); }
};

constexpr std::array kControls{
    Control{"signals do not acquire", kLongWord, Weakening::kAcquire},
    Control{"signals do not release", kLongWord, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"cancelled_signal", &rl::simulate<CancelledSignal>, 3, 4, 0, kControls},
    Model{"two_setters", &rl::simulate<TwoSetters>, 3, 4, 0, kControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
