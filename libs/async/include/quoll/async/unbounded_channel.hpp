// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Unbounded channel: sending never waits. Each value is allocated; intrusive nodes would make the
// sender keep it alive, and a sender that can do that can use a bounded channel.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include <quoll/async/wait.hpp>

namespace quoll::async {

/// A queue of as many values as there is memory for. Closing wakes everybody, and receivers first
/// get what was sent.
///
/// For senders that are trusted with the heap: one that others can flood needs a `Channel`.
template <typename T>
class UnboundedChannel {
  struct Node {
    explicit Node(T&& from) noexcept : value(std::move(from)) {}
    T value;
    detail::Guarded<Node*> next = nullptr;
  };

 public:
  class Receiving : public detail::WaitBase<Receiving> {
    using Base = detail::WaitBase<Receiving>;

   public:
    Receiving(UnboundedChannel& channel, CancelToken token) noexcept
        : Base(channel.lock_, channel.receivers_, token), channel_(channel) {}
    base::Result<T, WaitError> await_resume() noexcept {
      const auto ended = detail::wait_result(this->finish());
      if (!ended) return base::err(ended.error());
      return std::move(node_->value);
    }
    WaitState try_now_locked() noexcept {
      node_ = channel_.pop_locked();
      if (node_ != nullptr) return WaitState::kWoken;
      return channel_.closed_ ? WaitState::kClosed : WaitState::kIdle;
    }

   private:
    friend class UnboundedChannel;
    static Receiving& of(Waiter& waiter) noexcept { return static_cast<Receiving&>(waiter); }
    UnboundedChannel& channel_;
    std::unique_ptr<Node> node_;
  };

  UnboundedChannel() = default;
  UnboundedChannel(const UnboundedChannel&) = delete;
  UnboundedChannel& operator=(const UnboundedChannel&) = delete;
  ~UnboundedChannel() {
    QUOLL_ASSERT(receivers_.empty());
    while (pop_locked() != nullptr) {
    }
  }

  /// Sends without waiting. *Errors*: `kOutOfMemory`, `kClosed`; the value is dropped then.
  base::Result<void, WaitError> send(T value) noexcept {
    std::unique_ptr<Node> node(new (std::nothrow) Node(std::move(value)));
    if (node == nullptr) return base::err(WaitError::kOutOfMemory);
    detail::LockGuard guard(lock_);
    if (closed_) return base::err(WaitError::kClosed);
    Waiter* const receiver = receivers_.pop_front(WaitState::kWoken);
    if (receiver != nullptr) {
      Receiving::of(*receiver).node_ = std::move(node);
    } else {
      push_locked(node.release());
    }
    guard.unlock();
    detail::wake_taken(receiver);
    return {};
  }
  /// `co_await channel.receive(token)`: `Result<T, WaitError>`; `kClosed` once closed and empty.
  Receiving receive(CancelToken token = {}) noexcept { return {*this, token}; }

  /// Ends the channel, from either side.
  void close() noexcept {
    detail::end_all(lock_, receivers_, WaitState::kClosed, [this] { closed_ = true; });
  }

 private:
  void push_locked(Node* node) noexcept {
    (last_ != nullptr ? last_->next : first_) = node;
    last_ = node;
  }
  std::unique_ptr<Node> pop_locked() noexcept {
    std::unique_ptr<Node> node(first_);
    if (node != nullptr) {
      first_ = node->next;
      if (first_ == nullptr) last_ = nullptr;
    }
    return node;
  }

  detail::Lock lock_;
  WaitList receivers_;
  detail::Guarded<Node*> first_ = nullptr;
  detail::Guarded<Node*> last_ = nullptr;
  detail::Guarded<bool> closed_ = false;
};

}  // namespace quoll::async
