// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor's machine: harts that sleep in `wfi` and are woken by IPIs.
#pragma once

#include <cstddef>

#include <quoll/async/task_header.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::exec {

/// Satisfies `async::ExecutorMachine`.
class Machine {
 public:
  static constexpr std::size_t kMaxHarts = sync::kMaxHarts;

  std::size_t hart() const noexcept;
  bool in_interrupt() const noexcept;
  async::Ticks now() const noexcept;
  void set_deadline(async::Ticks deadline) noexcept;
  void park(bool (*may_sleep)(void*), void* argument) noexcept;
  void wake(std::size_t hart) noexcept;
  void before_suspend(async::TaskHeader& task) noexcept;
};

}  // namespace quoll::exec
