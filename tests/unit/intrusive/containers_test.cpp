// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include <quoll/intrusive/list.hpp>
#include <quoll/intrusive/mpsc_queue.hpp>
#include <quoll/intrusive/ref_counted.hpp>

namespace quoll::intrusive {
namespace {

struct Item : ListNode<>, MpscNode<> {
  explicit Item(int v = 0) : value(v) {}
  int value;
};

std::vector<int> values(List<Item>& list) {
  std::vector<int> out;
  for (Item& item : list) out.push_back(item.value);
  return out;
}

TEST(List, KeepsOrderAndLetsGoAnywhere) {
  Item a(1), b(2), c(3), d(4);
  List<Item> list;
  list.push_back(b);
  list.push_front(a);
  list.push_back(d);
  list.insert_before(d, c);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3, 4}));
  list.erase(b);
  EXPECT_FALSE(b.is_linked());
  EXPECT_EQ(values(list), (std::vector{1, 3, 4}));
  List<Item> other;
  other.push_back(b);
  list.splice_back(other);
  EXPECT_TRUE(other.is_empty());
  EXPECT_EQ(values(list), (std::vector{1, 3, 4, 2}));
  EXPECT_EQ(list.back(), &b);
  while (list.pop_front() != nullptr) {
  }
  EXPECT_TRUE(list.is_empty());
}

TEST(MpscQueue, IsFirstInFirstOut) {
  std::array<Item, 5> items;
  MpscQueue<Item> queue;
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.is_empty());
  for (int round = 0; round < 3; ++round) {
    for (Item& item : items) queue.push(item);
    EXPECT_FALSE(queue.is_empty());
    for (Item& item : items) EXPECT_EQ(queue.pop(), &item);
    EXPECT_EQ(queue.pop(), nullptr);
    EXPECT_TRUE(queue.is_empty());
  }
}

TEST(MpscQueue, LosesNothingFromManyProducers) {
  constexpr int kEach = 2000;
  constexpr std::size_t kProducers = 4;
  std::vector<std::vector<Item>> items(kProducers, std::vector<Item>(kEach));
  MpscQueue<Item> queue;
  std::vector<std::thread> producers;
  for (std::size_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) {
        Item& item = items[p][static_cast<std::size_t>(i)];
        item.value = static_cast<int>(p) * kEach + i;
        queue.push(item);
      }
    });
  }
  std::array<int, kProducers> next{};
  for (int popped = 0; popped < kEach * static_cast<int>(kProducers);) {
    Item* item = queue.pop();
    if (item == nullptr) continue;
    ++popped;
    const auto producer = static_cast<std::size_t>(item->value / kEach);
    EXPECT_EQ(item->value % kEach, next[producer]++);
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_TRUE(queue.is_empty());
}

struct Counted : RefCounted<Counted> {
  explicit Counted(int& d) : deaths(d) {}
  ~Counted() { ++deaths; }
  int& deaths;
};

TEST(RefPtr, DeletesWithTheLastReference) {
  int deaths = 0;
  {
    auto first = RefPtr<Counted>::adopt(new Counted(deaths));
    EXPECT_TRUE(first->is_unique());
    RefPtr<Counted> second = first;
    EXPECT_FALSE(first->is_unique());
    first = nullptr;
    EXPECT_EQ(deaths, 0);
    RefPtr<Counted> third = std::move(second);
    EXPECT_FALSE(second);
    Counted* leaked = third.leak();
    EXPECT_EQ(deaths, 0);
    third = RefPtr<Counted>::adopt(leaked);
  }
  EXPECT_EQ(deaths, 1);
}

}  // namespace
}  // namespace quoll::intrusive
