// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A weak AVL tree (Haeupler, Sen, Tarjan: "Rank-balanced trees") with links inside its elements
// and augmentation: a summary per node, computed from the node and its two children, that
// answers questions about whole subtrees.
//
// The rule: a node's rank exceeds each child's by 1 or 2; an absent child has rank -1; a leaf
// has rank 0. Insertion and deletion restore it with at most two rotations.
#pragma once

#include <concepts>
#include <cstdint>

#include <quoll/base/assert.hpp>

namespace quoll::intrusive {

/// The links of one element; derive `class T : public WavlNode<T>`.
template <typename T>
class WavlNode {
 public:
  constexpr WavlNode() = default;
  constexpr WavlNode(const WavlNode&) noexcept {}
  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): links are never assigned
  constexpr WavlNode& operator=(const WavlNode&) noexcept { return *this; }

 private:
  template <typename U, typename Traits>
  friend class WavlTree;
  T* parent_ = nullptr;
  T* left_ = nullptr;
  T* right_ = nullptr;
  std::int32_t rank_ = kUnlinked;

  static constexpr std::int32_t kUnlinked = -2;
};

/// A set of elements, ordered by key. Owns nothing.
///
/// `Traits` has `using Key`, `static Key key(const T&)` and
/// `static void update(T& node, const T* left, const T* right)`, which computes the node's
/// summary; it does nothing when the tree is not augmented. One that returns `bool` tells whether
/// the summary is another now: where it is not, the nodes above are left alone.
template <typename T, typename Traits>
class WavlTree {
  using Node = WavlNode<T>;

 public:
  using Key = typename Traits::Key;

  constexpr WavlTree() = default;
  WavlTree(const WavlTree&) = delete;
  WavlTree& operator=(const WavlTree&) = delete;
  ~WavlTree() { QUOLL_ASSERT(root_ == nullptr); }

  bool is_empty() const noexcept { return root_ == nullptr; }
  T* root() const noexcept { return root_; }
  static T* left(const T& item) noexcept { return node(item).left_; }
  static T* right(const T& item) noexcept { return node(item).right_; }
  static T* parent(const T& item) noexcept { return node(item).parent_; }

  T* first() const noexcept { return root_ == nullptr ? nullptr : leftmost(root_); }
  T* last() const noexcept { return root_ == nullptr ? nullptr : rightmost(root_); }
  /// The element behind `item`, or null.
  static T* next(const T& item) noexcept {
    if (node(item).right_ != nullptr) return leftmost(node(item).right_);
    const T* at = &item;
    T* parent = node(item).parent_;
    while (parent != nullptr && node(*parent).right_ == at) {
      at = parent;
      parent = node(*parent).parent_;
    }
    return parent;
  }
  /// The element before `item`, or null.
  static T* previous(const T& item) noexcept {
    if (node(item).left_ != nullptr) return rightmost(node(item).left_);
    const T* at = &item;
    T* parent = node(item).parent_;
    while (parent != nullptr && node(*parent).left_ == at) {
      at = parent;
      parent = node(*parent).parent_;
    }
    return parent;
  }

  /// Two elements in a row, between which a key belongs.
  struct Neighbours {
    T* not_above = nullptr;  ///< the last element whose key is not above it, or null
    T* above = nullptr;      ///< the one behind that, or null
  };
  Neighbours around(const Key& key) const noexcept {
    Neighbours out;
    for (T* at = root_; at != nullptr;) {
      if (key < Traits::key(*at)) {
        out.above = at;
        at = node(*at).left_;
      } else {
        out.not_above = at;
        at = node(*at).right_;
      }
    }
    return out;
  }

  /// The last element whose key is not above `key`, or null.
  T* find_not_above(const Key& key) const noexcept {
    T* best = nullptr;
    for (T* at = root_; at != nullptr;) {
      if (key < Traits::key(*at)) {
        at = node(*at).left_;
      } else {
        best = at;
        at = node(*at).right_;
      }
    }
    return best;
  }
  /// The element with exactly this key, or null.
  T* find(const Key& key) const noexcept {
    T* at = find_not_above(key);
    return at != nullptr && !(Traits::key(*at) < key) ? at : nullptr;
  }

  /// *Requires*: `item` is on no tree, and no element has its key.
  void insert(T& item) {
    Node& n = node(item);
    QUOLL_ASSERT(n.rank_ == Node::kUnlinked);
    T* parent = nullptr;
    bool goes_left = false;
    for (T* at = root_; at != nullptr;) {
      parent = at;
      goes_left = Traits::key(item) < Traits::key(*at);
      QUOLL_ASSERT(goes_left || Traits::key(*at) < Traits::key(item));
      at = goes_left ? node(*at).left_ : node(*at).right_;
    }
    n.parent_ = parent;
    n.left_ = n.right_ = nullptr;
    n.rank_ = 0;
    if (parent == nullptr) {
      root_ = &item;
    } else if (goes_left) {
      node(*parent).left_ = &item;
    } else {
      node(*parent).right_ = &item;
    }
    Traits::update(item, nullptr, nullptr);
    if (parent == nullptr) return;
    update_upwards(parent);
    rebalance_after_insert(&item);
  }

  /// *Requires*: `item` is on this tree.
  void erase(T& item) {
    QUOLL_ASSERT(node(item).rank_ >= 0);
    T* after = nullptr;
    if (node(item).left_ != nullptr && node(item).right_ != nullptr) {
      after = leftmost(node(item).right_);
      swap_with_next(item, *after);
    }
    T* child = node(item).left_ != nullptr ? node(item).left_ : node(item).right_;
    T* parent = node(item).parent_;
    replace_child(parent, &item, child);
    if (child != nullptr) node(*child).parent_ = parent;
    node(item).parent_ = node(item).left_ = node(item).right_ = nullptr;
    node(item).rank_ = Node::kUnlinked;
    if (parent != nullptr) {
      T* at = parent;
      if (after != nullptr) {
        // What it has is the summary of its old place, and tells nothing about the nodes above.
        for (; at != after; at = node(*at).parent_) update_one(at);
        update_one(after);
        at = node(*after).parent_;
      }
      update_upwards(at);
      rebalance_after_erase(child, parent);
    }
  }

  /// Recomputes the summaries that depend on `item`, after something in it changed.
  void update(T& item) { update_upwards(&item); }

  /// Whether ranks, order and links hold everywhere. For tests.
  bool is_sound() const {
    return root_ == nullptr || (node(*root_).parent_ == nullptr && sound(*root_));
  }

 private:
  static Node& node(T& item) noexcept { return static_cast<Node&>(item); }
  static const Node& node(const T& item) noexcept { return static_cast<const Node&>(item); }
  static std::int32_t rank(const T* item) noexcept {
    return item == nullptr ? -1 : node(*item).rank_;
  }
  static std::int32_t difference(const T& parent, const T* child) noexcept {
    return node(parent).rank_ - rank(child);
  }
  static T* leftmost(T* at) noexcept {
    while (node(*at).left_ != nullptr) at = node(*at).left_;
    return at;
  }
  static T* rightmost(T* at) noexcept {
    while (node(*at).right_ != nullptr) at = node(*at).right_;
    return at;
  }
  /// Whether nodes above may need an update too.
  static bool update_one(T* at) {
    T* left = node(*at).left_;
    T* right = node(*at).right_;
    if constexpr (std::same_as<decltype(Traits::update(*at, left, right)), bool>) {
      return Traits::update(*at, left, right);
    } else {
      Traits::update(*at, left, right);
      return true;
    }
  }
  static void update_upwards(T* at) {
    while (at != nullptr && update_one(at)) at = node(*at).parent_;
  }

  void replace_child(T* parent, T* old_child, T* new_child) noexcept {
    if (parent == nullptr) {
      root_ = new_child;
    } else if (node(*parent).left_ == old_child) {
      node(*parent).left_ = new_child;
    } else {
      node(*parent).right_ = new_child;
    }
  }

  /// Puts `up`, a child of `down`, above it. Ranks are the caller's business.
  void rotate_up(T* up) {
    T* down = node(*up).parent_;
    T* above = node(*down).parent_;
    if (node(*down).left_ == up) {
      node(*down).left_ = node(*up).right_;
      if (node(*up).right_ != nullptr) node(*node(*up).right_).parent_ = down;
      node(*up).right_ = down;
    } else {
      node(*down).right_ = node(*up).left_;
      if (node(*up).left_ != nullptr) node(*node(*up).left_).parent_ = down;
      node(*up).left_ = down;
    }
    replace_child(above, down, up);
    node(*up).parent_ = above;
    node(*down).parent_ = up;
    update_one(down);
    update_one(up);
  }

  /// Gives `item`'s place and rank to its successor `after`, which lies in its right subtree.
  void swap_with_next(T& item, T& after) noexcept {
    Node& a = node(item);
    Node& b = node(after);
    T* above = a.parent_;
    T* b_parent = b.parent_;
    T* b_right = b.right_;
    const auto b_rank = b.rank_;
    replace_child(above, &item, &after);
    b.parent_ = above;
    b.rank_ = a.rank_;
    b.left_ = a.left_;
    node(*b.left_).parent_ = &after;
    if (b_parent == &item) {
      b.right_ = &item;
      a.parent_ = &after;
    } else {
      b.right_ = a.right_;
      node(*b.right_).parent_ = &after;
      node(*b_parent).left_ = &item;
      a.parent_ = b_parent;
    }
    a.left_ = nullptr;
    a.right_ = b_right;
    if (b_right != nullptr) node(*b_right).parent_ = &item;
    a.rank_ = b_rank;
  }

  void rebalance_after_insert(T* at) {
    T* parent = node(*at).parent_;
    // Promote as long as `at` has its parent's rank and the sibling can bear it.
    while (parent != nullptr && difference(*parent, at) == 0) {
      T* sibling = node(*parent).left_ == at ? node(*parent).right_ : node(*parent).left_;
      if (difference(*parent, sibling) != 1) break;
      ++node(*parent).rank_;
      at = parent;
      parent = node(*at).parent_;
    }
    if (parent == nullptr || difference(*parent, at) != 0) return;
    const bool at_left = node(*parent).left_ == at;
    T* inner = at_left ? node(*at).right_ : node(*at).left_;
    if (difference(*at, inner) == 2) {
      rotate_up(at);
      --node(*parent).rank_;
    } else {
      rotate_up(inner);
      rotate_up(inner);
      ++node(*inner).rank_;
      --node(*at).rank_;
      --node(*parent).rank_;
    }
  }

  static bool is_leaf(const T& item) {
    return node(item).left_ == nullptr && node(item).right_ == nullptr;
  }

  void rebalance_after_erase(T* at, T* parent) {
    // A leaf must have rank 0.
    if (is_leaf(*parent) && node(*parent).rank_ == 1) {
      node(*parent).rank_ = 0;
      at = parent;
      parent = node(*at).parent_;
    }
    while (parent != nullptr && difference(*parent, at) == 3) {
      const bool at_left = node(*parent).left_ == at;
      T* sibling = at_left ? node(*parent).right_ : node(*parent).left_;
      if (difference(*parent, sibling) == 2) {
        --node(*parent).rank_;
      } else {
        // Who is three above one child has another, of at least that rank.
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
        T* outer = at_left ? node(*sibling).right_ : node(*sibling).left_;
        T* inner = at_left ? node(*sibling).left_ : node(*sibling).right_;
        if (difference(*sibling, outer) == 2 && difference(*sibling, inner) == 2) {
          --node(*sibling).rank_;
          --node(*parent).rank_;
        } else if (difference(*sibling, outer) == 1) {
          rotate_up(sibling);
          ++node(*sibling).rank_;
          --node(*parent).rank_;
          if (is_leaf(*parent)) node(*parent).rank_ = 0;
          return;
        } else {
          rotate_up(inner);
          rotate_up(inner);
          node(*inner).rank_ += 2;
          --node(*sibling).rank_;
          node(*parent).rank_ -= 2;
          return;
        }
      }
      at = parent;
      parent = node(*at).parent_;
    }
  }

  static bool sound(const T& item) {
    const Node& n = node(item);
    for (const T* child : {n.left_, n.right_}) {
      const auto d = difference(item, child);
      if (d != 1 && d != 2) return false;
      if (child != nullptr && (node(*child).parent_ != &item || !sound(*child))) return false;
    }
    if (n.left_ == nullptr && n.right_ == nullptr && n.rank_ != 0) return false;
    if (n.left_ != nullptr && !(Traits::key(*n.left_) < Traits::key(item))) return false;
    return n.right_ == nullptr || Traits::key(item) < Traits::key(*n.right_);
  }

  T* root_ = nullptr;
};

}  // namespace quoll::intrusive
