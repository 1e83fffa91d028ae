// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A queue with many producers and one consumer. Producers are wait-free: one exchange each.
#pragma once

#include <atomic>

#include <quoll/base/assert.hpp>

namespace quoll::intrusive {

/// The link of one element; derive from it.
template <typename Tag = void>
class MpscNode {
 public:
  constexpr MpscNode() = default;
  constexpr MpscNode(const MpscNode&) noexcept {}
  constexpr MpscNode& operator=(const MpscNode&) noexcept { return *this; }

 private:
  template <typename T, typename U>
  friend class MpscQueue;
  std::atomic<MpscNode*> next_{nullptr};
};

/// First in, first out, per producer. Owns nothing.
///
/// State: `newest_` is the element pushed last, `oldest_` the one to be popped next; a dummy
/// node of the queue's own stands in whenever it would run dry. Between a producer's exchange
/// and its store of the link, the chain is cut: the consumer then sees nothing further, and
/// asks again later (`is_empty` is false meanwhile).
template <typename T, typename Tag = void>
class MpscQueue {
  using Node = MpscNode<Tag>;

 public:
  constexpr MpscQueue() noexcept : newest_(&dummy_), oldest_(&dummy_) {}
  MpscQueue(const MpscQueue&) = delete;
  MpscQueue& operator=(const MpscQueue&) = delete;

  /// *Context*: any hart, interrupt handlers included.
  void push(T& item) noexcept { push_node(static_cast<Node&>(item)); }

  /// The oldest element, or null when there is none or its producer is still linking it.
  /// *Context*: one consumer at a time.
  T* pop() noexcept {
    Node* oldest = oldest_;
    Node* next = oldest->next_.load(std::memory_order_acquire);
    if (oldest == &dummy_) {
      if (next == nullptr) return nullptr;
      oldest_ = oldest = next;
      next = oldest->next_.load(std::memory_order_acquire);
    }
    if (next == nullptr) {
      if (newest_.load(std::memory_order_acquire) != oldest) return nullptr;
      // The last element: the dummy goes behind it, so that it can be taken away.
      push_node(dummy_);
      next = oldest->next_.load(std::memory_order_acquire);
      if (next == nullptr) return nullptr;
    }
    oldest_ = next;
    return static_cast<T*>(oldest);
  }

  /// Whether nothing is there, nor on its way. *Context*: the consumer.
  bool is_empty() const noexcept {
    // The dummy may have been put behind the last element and not been reached yet.
    return oldest_ == &dummy_ && newest_.load(std::memory_order_acquire) == &dummy_;
  }

 private:
  void push_node(Node& node) noexcept {
    node.next_.store(nullptr, std::memory_order_relaxed);
    Node* before = newest_.exchange(&node, std::memory_order_acq_rel);
    before->next_.store(&node, std::memory_order_release);
  }

  Node dummy_;
  std::atomic<Node*> newest_;
  Node* oldest_;
};

}  // namespace quoll::intrusive
