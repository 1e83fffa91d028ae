// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What an interrupt-safe lock needs of a machine.
#pragma once

#include <concepts>

namespace quoll::sync {

/// Stops and resumes interrupts on the hart that asks.
template <typename I>
concept InterruptControl = requires(typename I::State state) {
  /// Disables interrupts on this hart; the result says whether they were enabled.
  { I::save_and_disable() } noexcept -> std::same_as<typename I::State>;
  /// Puts back what `save_and_disable` found.
  { I::restore(state) } noexcept -> std::same_as<void>;
  /// A hint that the hart spins.
  { I::relax() } noexcept -> std::same_as<void>;
};

}  // namespace quoll::sync
