// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waiting until what was taken out of everybody's reach is read by nobody any more.
#pragma once

#include <quoll/async/task.hpp>
#include <quoll/sync/quiescence.hpp>

namespace quoll::async {

/// `co_await GracePeriod(quiescence)`. It allocates nothing, and cannot be cancelled.
class GracePeriod : private sync::Retired {
 public:
  explicit GracePeriod(sync::Quiescence& quiescence) noexcept : quiescence_(quiescence) {
    reclaim = [](sync::Retired& retired) noexcept {
      // From the wake on, another hart may have ended it.
      static_cast<GracePeriod&>(retired).task_->wake();
    };
  }
  GracePeriod(const GracePeriod&) = delete;
  GracePeriod& operator=(const GracePeriod&) = delete;

  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  [[gnu::always_inline]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<P> handle) noexcept {
    return detail::suspend_task(handle, [this](TaskHeader& task) {
      task_ = &task;
      quiescence_.retire(*this);
      return true;
    });
  }
  void await_resume() const noexcept {}

 private:
  sync::Quiescence& quiescence_;
  TaskHeader* task_ = nullptr;
};

}  // namespace quoll::async
