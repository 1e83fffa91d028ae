// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The executor's machine: harts that sleep in `wfi` and are woken by IPIs.
#pragma once

#include <cstddef>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/async/executor.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/async/timer.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/lock_rank.hpp>

namespace quoll::exec {

/// Satisfies `async::ExecutorMachine`, and `async::WatchingMachine` for the trace.
class Machine {
 public:
  static constexpr std::size_t kMaxHarts = sync::kMaxHarts;

  std::size_t hart() const noexcept { return arch::hart_local().id; }
  bool in_interrupt() const noexcept { return arch::hart_local().interrupt_depth != 0; }
  async::Ticks now() const noexcept { return arch::read_time(); }
  void set_deadline(async::Ticks deadline) noexcept;
  void park(bool (*may_sleep)(void*), void* argument) noexcept;
  void wake(std::size_t hart) noexcept;
  void before_suspend(async::TaskHeader& task) noexcept;

  void on_spawn(const async::TaskHeader& task) noexcept {
    arch::hart_local().attention = true;
    trace::record<trace::Event::kSpawn>(trace::text_key(task.name()), task.id(), running());
  }
  void on_wake(const async::TaskHeader& task, async::WakeCause cause) noexcept {
    arch::hart_local().attention = true;
    trace::record<trace::Event::kWake>(
        cause, task.id(), cause == async::WakeCause::kTask ? running() : std::uint64_t{0});
  }
  void on_run(const async::TaskHeader& task) noexcept {
    trace::Local& local = arch::trace_local();
    if (!local.wants(trace::Group::kSched)) return;
    local.slice.store(trace::Local::slice_header(trace::text_key(task.name())),
                      std::memory_order_relaxed);
    local.begin.store(trace::now(), std::memory_order_relaxed);
    local.task.store(task.id(), std::memory_order_relaxed);
  }
  void on_yield() noexcept { ends_by(trace::SliceEnd::kYielded); }
  void on_end() noexcept { ends_by(trace::SliceEnd::kEnded); }
  void on_stop() noexcept {
    // Whoever spins for it would wait for as long as the task does.
    QUOLL_DEBUG_ASSERT(sync::locks_held().is_empty());
    trace::Local& local = arch::trace_local();
    const std::uint64_t task = local.task.load(std::memory_order_relaxed);
    if (task != 0) local.write_slice(trace::now(), task);
    // Between two tasks the hart reads nothing that is shared (quiescence.hpp).
    if (arch::hart_local().quiescence.is_asked()) [[unlikely]]
      answer_writers();
  }

 private:
  static void answer_writers() noexcept;
  /// The task of this hart; 0: none, or slices are not recorded.
  static std::uint64_t running() noexcept {
    return arch::trace_local().task.load(std::memory_order_relaxed);
  }
  /// Without a slice it changes what nobody reads.
  static void ends_by(trace::SliceEnd end) noexcept {
    trace::Local& local = arch::trace_local();
    local.slice.store(local.slice.load(std::memory_order_relaxed) | trace::Local::slice_end(end),
                      std::memory_order_relaxed);
  }
};
static_assert(async::ExecutorMachine<Machine> && async::WatchingMachine<Machine>);

}  // namespace quoll::exec
