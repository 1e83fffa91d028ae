// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Draws the operations of a run, and more of those that had rare outcomes.
//
// It knows nothing of what operations mean: it remembers the numbers of those that had an outcome,
// and draws them again, changed or not, while that outcome is rare. That depends on nothing but the
// seed and on what happened before in the same run.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>

#include "statistics.hpp"
#include "system.hpp"

namespace quoll::model {

/// Draws operations by their weights.
class Drawer {
 public:
  Drawer(const SystemInfo& system, std::uint64_t seed);

  Operation draw();
  Operation draw(std::uint32_t kind);
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  const SystemInfo& system_;
  std::mt19937_64 random_;
  std::uint64_t total_weight_ = 0;
};

/// What one system in one mode has done in a run so far. Lies in memory that child processes share,
/// so it goes on from child to child, and the parent has the operations of an episode that its
/// child did not survive.
class Guide {
 public:
  static constexpr std::size_t kMostSteps = 1024;

  /// Outcomes shall make up their share of the system's steps, of which a part are this mode's.
  void begin_run(std::uint64_t own_steps, std::uint64_t all_steps);
  void begin_episode() { drawn_count_ = 0; }
  /// Draws the episode's next operation.
  const Operation& next(const SystemInfo& system, Drawer& drawer);
  /// What came of the operation that was drawn last.
  void record(const Step& step);

  /// The operations of the episode so far.
  std::span<const Operation> drawn() const { return {drawn_.data(), drawn_count_}; }
  const Counters& counters() const { return counters_; }

 private:
  /// Operations that had one outcome, the latest ones.
  struct Examples {
    static constexpr std::size_t kMost = 8;
    std::uint64_t count = 0;
    std::array<Operation, kMost> operations{};
  };

  bool is_rare(std::size_t kind, std::size_t outcome) const;
  /// Draws an operation that may have an outcome that is still rare.
  Operation draw_rare(const SystemInfo& system, Drawer& drawer);

  Counters counters_;
  std::uint64_t own_steps_ = 1;
  std::uint64_t all_steps_ = 1;
  bool is_repeated_ = false;  ///< the last operation is an example, unchanged
  std::size_t drawn_count_ = 0;
  std::array<Operation, kMostSteps> drawn_{};
  std::array<std::array<Examples, Counters::kOutcomes>, Counters::kKinds> examples_{};
};

}  // namespace quoll::model
