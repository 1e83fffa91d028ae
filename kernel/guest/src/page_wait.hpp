// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A guest's wait for a page that comes later.
#pragma once

#include <utility>

#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/guest/guest.hpp>
#include <quoll/kernel/mem/vmo/page_request.hpp>

namespace quoll::guest {

/// Lives in the coroutine that waits, from before `begin` to after `end`:
///
///     PageWait wait(guest.awaited_page());
///     if (wait.begin()) (void)co_await wait.complete(guest.kill_token());
///     while (!wait.end()) (void)co_await wait.complete();
class PageWait {
 public:
  /// Null: there is nothing to wait for.
  explicit PageWait(vm::PageRequestRef request) noexcept : request_(std::move(request)) {
    waiter_.complete = [](vm::PageWaiter& self) { static_cast<Waiter&>(self).done.set(); };
  }
  PageWait(const PageWait&) = delete;
  PageWait& operator=(const PageWait&) = delete;

  /// False: it is complete already.
  [[nodiscard]] bool begin() noexcept { return is_waiting_ = request_ && request_->wait(waiter_); }
  auto complete(async::CancelToken token = {}) noexcept { return waiter_.done.wait(token); }
  /// Takes the wait back, if it was cut short. False: whoever completes the request is at it, and
  /// this has to stay until it is.
  [[nodiscard]] bool end() noexcept {
    if (!is_waiting_ || waiter_.done.is_set() || request_->withdraw(waiter_)) is_waiting_ = false;
    return !is_waiting_;
  }
  /// Whether the page did not come, and will not.
  bool failed() const noexcept {
    return request_ && request_->state() == vm::PageRequestState::kFailed;
  }

 private:
  struct Waiter : vm::PageWaiter {
    async::Event done;
  };
  vm::PageRequestRef request_;
  Waiter waiter_;
  bool is_waiting_ = false;
};

}  // namespace quoll::guest
