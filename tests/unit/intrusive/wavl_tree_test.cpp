// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <quoll/intrusive/wavl_tree.hpp>

namespace quoll::intrusive {
namespace {

struct Item : WavlNode<Item> {
  int key = 0;
  std::uint64_t sum = 0;  // of the subtree's keys
};

struct Traits {
  using Key = int;
  static int key(const Item& item) { return item.key; }
  static void update(Item& item, const Item* left, const Item* right) {
    item.sum =
        static_cast<std::uint64_t>(item.key) + (left ? left->sum : 0) + (right ? right->sum : 0);
  }
};
using Tree = WavlTree<Item, Traits>;

unsigned height(const Item* item) {
  return item == nullptr ? 0 : 1 + std::max(height(Tree::left(*item)), height(Tree::right(*item)));
}

void expect_equal(const Tree& tree, const std::map<int, Item*>& model) {
  ASSERT_TRUE(tree.is_sound());
  std::uint64_t sum = 0;
  const Item* at = tree.first();
  for (const auto& [key, item] : model) {
    ASSERT_EQ(at, item);
    at = Tree::next(*at);
    sum += static_cast<std::uint64_t>(key);
  }
  ASSERT_EQ(at, nullptr);
  EXPECT_EQ(tree.root() == nullptr ? 0 : tree.root()->sum, sum);
  EXPECT_EQ(tree.last(), model.empty() ? nullptr : model.rbegin()->second);
}

TEST(WavlTree, FollowsAMapThroughRandomChanges) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const int key_count : {3, 8, 40, 300}) {
    std::vector<Item> items(static_cast<std::size_t>(key_count));
    Tree tree;
    std::map<int, Item*> model;
    for (int step = 0; step < 3000; ++step) {
      const int key = static_cast<int>(random() % static_cast<unsigned>(key_count));
      Item& item = items[static_cast<std::size_t>(key)];
      if (auto found = model.find(key); found != model.end()) {
        tree.erase(item);
        model.erase(found);
      } else {
        item.key = key;
        tree.insert(item);
        model[key] = &item;
      }
      const int probe = static_cast<int>(random() % static_cast<unsigned>(key_count));
      auto above = model.upper_bound(probe);
      EXPECT_EQ(tree.find_not_above(probe),
                above == model.begin() ? nullptr : std::prev(above)->second);
      if (Item* at = tree.find_not_above(probe)) {
        auto where = model.find(at->key);
        EXPECT_EQ(Tree::previous(*at), where == model.begin() ? nullptr : std::prev(where)->second);
      }
      expect_equal(tree, model);
      if (testing::Test::HasFailure()) return;
    }
    while (Item* item = tree.first()) tree.erase(*item);
  }
}

TEST(WavlTree, StaysLowWhenFilledInOrder) {
  std::vector<Item> items(4096);
  Tree tree;
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].key = static_cast<int>(i);
    tree.insert(items[i]);
  }
  EXPECT_TRUE(tree.is_sound());
  EXPECT_LE(height(tree.root()), 18u);
  for (std::size_t i = 0; i < items.size(); i += 2) tree.erase(items[i]);
  EXPECT_TRUE(tree.is_sound());
  EXPECT_LE(height(tree.root()), 18u);
  while (Item* item = tree.last()) tree.erase(*item);
}

struct Heavy : WavlNode<Heavy> {
  unsigned key = 0;
  unsigned weight = 0;
  unsigned heaviest = 0;  // of the subtree
};

unsigned heaviest(const Heavy& item, const Heavy* left, const Heavy* right) {
  return std::max({item.weight, left ? left->heaviest : 0, right ? right->heaviest : 0});
}

/// Tells when nothing changed: then no node above is looked at.
struct HeaviestTraits {
  using Key = unsigned;
  static unsigned key(const Heavy& item) { return item.key; }
  static bool update(Heavy& item, const Heavy* left, const Heavy* right) {
    const unsigned before = std::exchange(item.heaviest, heaviest(item, left, right));
    return before != item.heaviest;
  }
};
using HeavyTree = WavlTree<Heavy, HeaviestTraits>;

TEST(WavlTree, SummariesHoldWhenUpdatesEndWhereNothingChanged) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const unsigned key_count : {4U, 30U, 200U}) {
    std::vector<Heavy> items(key_count);
    std::vector<bool> there(key_count);
    HeavyTree tree;
    for (int step = 0; step < 3000 && !testing::Test::HasFailure(); ++step) {
      const unsigned key = static_cast<unsigned>(random()) % key_count;
      Heavy& item = items[key];
      if (!there[key]) {
        item.key = key;
        item.weight = static_cast<unsigned>(random()) % 6;
        item.heaviest = static_cast<unsigned>(random()) % 6;  // of a life before
        tree.insert(item);
        there[key] = true;
      } else if (random() % 3 == 0) {
        item.weight = static_cast<unsigned>(random()) % 6;
        tree.update(item);
      } else {
        tree.erase(item);
        there[key] = false;
      }
      ASSERT_TRUE(tree.is_sound());
      for (const Heavy* at = tree.first(); at != nullptr; at = HeavyTree::next(*at)) {
        ASSERT_EQ(at->heaviest, heaviest(*at, HeavyTree::left(*at), HeavyTree::right(*at)));
      }
      const unsigned probe = static_cast<unsigned>(random()) % key_count;
      const auto [not_above, above] = tree.around(probe);
      ASSERT_EQ(not_above, tree.find_not_above(probe));
      ASSERT_EQ(above, not_above == nullptr ? tree.first() : HeavyTree::next(*not_above));
    }
    while (Heavy* item = tree.first()) tree.erase(*item);
  }
}

}  // namespace
}  // namespace quoll::intrusive
