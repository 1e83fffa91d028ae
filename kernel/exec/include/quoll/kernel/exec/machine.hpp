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
    if (local.wants(trace::Group::kSched)) begin_slice(local, task, trace::now());
  }
  void on_stop(async::StopCause cause) noexcept {
    // Whoever spins for it would wait for as long as the task does.
    QUOLL_DEBUG_ASSERT(sync::locks_held().is_empty());
    trace::Local& local = arch::trace_local();
    const std::uint64_t task = local.task.load(std::memory_order_relaxed);
    if (task != 0) {
      local.write_slice(trace::now(), task, slice_end(cause));
      local.task.store(0, std::memory_order_relaxed);
    }
    // Between two tasks the hart reads nothing that is shared (quiescence.hpp).
    if (wants_attention()) [[unlikely]]
      answer_writers();
  }
  void on_switch(async::StopCause cause, const async::TaskHeader& next) noexcept {
    QUOLL_DEBUG_ASSERT(sync::locks_held().is_empty());
    trace::Local& local = arch::trace_local();
    const std::uint64_t task = local.task.load(std::memory_order_relaxed);
    if (task == 0) {
      if (local.wants(trace::Group::kSched)) begin_slice(local, next, trace::now());
      return;
    }
    const std::uint64_t now = trace::now();
    local.write_slice(now, task, slice_end(cause));
    if (local.wants(trace::Group::kSched)) [[likely]] {
      begin_slice(local, next, now);
    } else {
      local.task.store(0, std::memory_order_relaxed);
    }
  }
  bool wants_attention() const noexcept { return arch::hart_local().quiescence.is_asked(); }
  void*& slot() noexcept { return arch::hart_local().executor; }

 private:
  static void answer_writers() noexcept;
  /// The task of this hart; 0: none, or slices are not recorded.
  static std::uint64_t running() noexcept {
    return arch::trace_local().task.load(std::memory_order_relaxed);
  }
  static void begin_slice(trace::Local& local, const async::TaskHeader& task,
                          std::uint64_t time) noexcept {
    local.begin_slice(time, task.name(), task.id());
  }
  static constexpr trace::SliceEnd slice_end(async::StopCause cause) noexcept {
    switch (cause) {
      case async::StopCause::kSuspended:
        break;
      case async::StopCause::kYielded:
        return trace::SliceEnd::kYielded;
      case async::StopCause::kEnded:
        return trace::SliceEnd::kEnded;
    }
    return trace::SliceEnd::kSuspended;
  }
};
static_assert(async::ExecutorMachine<Machine> && async::WatchingMachine<Machine> &&
              async::RememberingMachine<Machine>);

}  // namespace quoll::exec
