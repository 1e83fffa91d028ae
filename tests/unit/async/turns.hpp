// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tasks on one hart that take turns, so that tests know who waits: for what happens in which order.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "thread_machine.hpp"

namespace quoll::async::testing {

/// Notes what happens; joins what it has started.
class Turns {
 public:
  explicit Turns(World& world) : world_(world) {}

  /// Starts a task, and lets it run until it waits.
  Task<void> start(Task<void> task) {
    auto handle = world_.executor().spawn(std::move(task));
    EXPECT_TRUE(handle.has_value());
    handles_.push_back(std::move(*handle));
    (void)(co_await others().checked()).has_value();
  }
  /// Lets all others run until they wait.
  static Task<void> others() {
    for (int i = 0; i < 16; ++i) co_await yield_now();
  }
  Task<void> join() {
    for (auto& handle : handles_) EXPECT_TRUE((co_await handle.join()).has_value());
    handles_.clear();
  }
  void note(char what) { notes_ += what; }
  /// What was noted since the last call.
  std::string notes() { return std::exchange(notes_, {}); }

 private:
  World& world_;
  std::vector<JoinHandle<>> handles_;
  std::string notes_;
};

/// Runs a test on one hart: `co_await`s `body(turns)` and joins all it has started.
template <typename Body>
void run_in_turns(Body body) {
  World world;
  EXPECT_TRUE(world.run(1, [](World& w, Body b) -> Task<void> {
    Turns turns(w);
    (void)(co_await b(turns).checked()).has_value();
    (void)(co_await turns.join().checked()).has_value();
  }(world, std::move(body))));
}

}  // namespace quoll::async::testing
