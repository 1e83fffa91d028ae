// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A doubly linked list whose links live in its elements: inserting never allocates, and an
// element leaves in constant time.
#pragma once

#include <cstddef>
#include <iterator>

#include <quoll/base/assert.hpp>

namespace quoll::intrusive {

/// The links of one element for one kind of list; derive from it. `Tag` tells several apart.
template <typename Tag = void>
class ListNode {
 public:
  constexpr ListNode() = default;
  // A copy of an element is on no list.
  constexpr ListNode(const ListNode&) noexcept {}
  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): links are never assigned
  constexpr ListNode& operator=(const ListNode&) noexcept { return *this; }
  ~ListNode() { QUOLL_ASSERT(!is_linked()); }

  constexpr bool is_linked() const noexcept { return next_ != nullptr; }

 private:
  template <typename T, typename U>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// Elements in the order in which they were put in. Owns nothing.
/// *Requires*: it is empty when it ends, and it is not moved.
template <typename T, typename Tag = void>
class List {
  using Node = ListNode<Tag>;

 public:
  constexpr List() noexcept { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    QUOLL_ASSERT(is_empty());
    head_.next_ = head_.previous_ = nullptr;
  }

  bool is_empty() const noexcept { return head_.next_ == &head_; }
  T* front() noexcept { return is_empty() ? nullptr : element(head_.next_); }
  T* back() noexcept { return is_empty() ? nullptr : element(head_.previous_); }

  void push_front(T& item) { link(head_, item); }
  void push_back(T& item) { link(*head_.previous_, item); }
  /// *Requires*: `position` is on this list.
  void insert_before(T& position, T& item) { link(*node(position).previous_, item); }

  /// The first element, taken off; null when there is none.
  T* pop_front() noexcept {
    T* item = front();
    if (item != nullptr) erase(*item);
    return item;
  }
  /// *Requires*: `item` is on this list.
  void erase(T& item) noexcept {
    Node& n = node(item);
    QUOLL_ASSERT(n.is_linked());
    n.previous_->next_ = n.next_;
    n.next_->previous_ = n.previous_;
    n.next_ = n.previous_ = nullptr;
  }
  /// Moves all elements of `other` behind those of this list.
  void splice_back(List& other) noexcept {
    if (other.is_empty()) return;
    Node* first = other.head_.next_;
    Node* last = other.head_.previous_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
    other.head_.next_ = other.head_.previous_ = &other.head_;
  }

  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    Iterator() = default;
    explicit Iterator(Node* at) : at_(at) {}
    T& operator*() const { return *element(at_); }
    T* operator->() const { return element(at_); }
    Iterator& operator++() {
      at_ = List::next(at_);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    Node* at_ = nullptr;
  };
  Iterator begin() noexcept { return Iterator(head_.next_); }
  Iterator end() noexcept { return Iterator(&head_); }

 private:
  static Node& node(T& item) noexcept { return static_cast<Node&>(item); }
  static T* element(Node* n) noexcept { return static_cast<T*>(n); }
  static Node* next(Node* n) noexcept { return n->next_; }
  static void link(Node& after, T& item) {
    Node& n = node(item);
    QUOLL_ASSERT(!n.is_linked());
    n.next_ = after.next_;
    n.previous_ = &after;
    after.next_->previous_ = &n;
    after.next_ = &n;
  }

  Node head_;
};

}  // namespace quoll::intrusive
