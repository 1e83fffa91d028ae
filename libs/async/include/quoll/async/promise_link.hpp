// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What each promise begins with: who awaits its coroutine, and where that waits itself. Coroutines
// resume each other directly, so nothing of this is on any stack; it is what shows a task that
// waits, or what led to a panic, to people.
#pragma once

#include <coroutine>
#include <cstddef>

#include <quoll/base/code_address.hpp>

namespace quoll::async {

/// One link of a chain of coroutines that await each other, from the innermost outwards.
class PromiseLink {
 public:
  /// Who goes on when this coroutine ends; null for the outermost.
  std::coroutine_handle<> continuation() const noexcept { return continuation_; }
  void set_continuation(std::coroutine_handle<> handle) noexcept { continuation_ = handle; }

  /// The coroutine that awaits this one; null for the outermost.
  const PromiseLink* awaited_by() const noexcept {
    if (!continuation_) return nullptr;
    return &std::coroutine_handle<PromiseLink>::from_address(continuation_.address()).promise();
  }
  /// Where it last began to wait: an address in the code of its `co_await`. Null before the first.
  const void* suspended_at() const noexcept { return suspended_at_; }
  /// An address in the coroutine's function. *Requires*: it has not ended.
  const void* function() const noexcept {
    const void* const frame = frame_of(*this);
    // SAFETY: a frame begins with a pointer to the code that goes on with it.
    return *static_cast<const void* const*>(frame);
  }

  /// Notes that the coroutine waits at this place. To be called from its `await_suspend`, inlined.
  [[gnu::always_inline]] void suspend_here() noexcept { suspended_at_ = base::code_address(); }

  /// Whether a promise can be found from its coroutine's frame without knowing its type.
  template <typename P>
  static constexpr bool kFits = alignof(P) <= 2 * sizeof(void*);

 protected:
  PromiseLink() = default;
  ~PromiseLink() = default;

 private:
  static const void* frame_of(const PromiseLink& link) noexcept {
    // The promise is at the same place in all frames, and this is what it begins with.
    return std::coroutine_handle<const PromiseLink>::from_promise(link).address();
  }

  std::coroutine_handle<> continuation_;
  const void* suspended_at_ = nullptr;
};

}  // namespace quoll::async
