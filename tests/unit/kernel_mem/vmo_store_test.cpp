// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The persistent tree of pages: what it shares, what it counts, and what it needs.
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

#include <quoll/kernel/mem/vmo/page_store.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

class VmoStoreTest : public testing::Test {
 protected:
  ~VmoStoreTest() override {
    EXPECT_EQ(kernel.in_use(), 0u);
    EXPECT_EQ(PageNode::count(), nodes_before);
  }
  bool put(PageStore& store, std::uint64_t page, std::uint64_t value) {
    PageStore::Reserve reserve;
    if (!store.reserve_put(page, reserve)) return false;
    auto frame = kernel.frames.allocate();
    if (!frame) return false;
    *static_cast<std::uint64_t*>(frame->data()) = value;
    store.put(page, std::move(*frame), reserve);
    return true;
  }
  static bool clear(PageStore& store, std::uint64_t first, std::uint64_t end) {
    PageStore::Reserve reserve;
    if (!store.reserve_clear(first, end, reserve)) return false;
    store.clear(first, end, reserve);
    return true;
  }
  std::uint64_t value(const PageStore& store, std::uint64_t page) {
    const auto found = store.find(page);
    return found ? *kernel.machine.phys_map().pointer<std::uint64_t>(found->frame) : 0;
  }
  /// All that a store holds, by page.
  using Model = std::map<std::uint64_t, std::uint64_t>;
  void expect_same_pages(const PageStore& store, const Model& model) {
    ASSERT_EQ(store.usage().pages, model.size());
    for (const auto& [page, was] : model) ASSERT_EQ(value(store, page), was);
  }

  test::TestKernel kernel{riscv::PagingMode::kSv39};
  std::uint64_t nodes_before = PageNode::count();
};

TEST_F(VmoStoreTest, HoldsPagesFarApart) {
  PageStore store(kernel.frames);
  const std::vector<std::uint64_t> pages{0, 31, 32, 1023, 1024, 1 << 20, PageStore::kMaxPages - 1};
  EXPECT_FALSE(store.find(0));
  EXPECT_FALSE(store.find(PageStore::kMaxPages - 1));
  for (const std::uint64_t page : pages) ASSERT_TRUE(put(store, page, page + 1));
  for (const std::uint64_t page : pages) {
    EXPECT_EQ(value(store, page), page + 1);
    EXPECT_TRUE(store.find(page)->is_alone);
  }
  EXPECT_FALSE(store.find(2));
  EXPECT_EQ(store.usage().pages, pages.size());
  EXPECT_EQ(store.usage().node_bytes, (PageNode::count() - nodes_before) * sizeof(PageNode));
  ASSERT_TRUE(clear(store, 0, PageStore::kMaxPages));
  EXPECT_EQ(store.usage(), PageStoreUsage());
}

TEST_F(VmoStoreTest, ACopyCostsNothingUntilItIsWritten) {
  PageStore store(kernel.frames);
  for (std::uint64_t page = 0; page < 200; ++page) ASSERT_TRUE(put(store, page, page));
  const std::uint64_t frames = kernel.in_use();
  const std::uint64_t nodes = PageNode::count();
  {
    PageStore copy = store.share();
    EXPECT_EQ(kernel.in_use(), frames);
    EXPECT_EQ(PageNode::count(), nodes);
    EXPECT_EQ(copy.usage().pages, 200u);
    EXPECT_EQ(copy.usage().alone_pages, 0u);
    EXPECT_EQ(copy.usage().alone_node_bytes, 0u);
    EXPECT_FALSE(store.find(7)->is_alone);
    ASSERT_TRUE(put(copy, 7, 1000));
    EXPECT_EQ(kernel.in_use(), frames + 1);
    EXPECT_EQ(PageNode::count(), nodes + 2);  // the way to it, two nodes
    EXPECT_EQ(value(store, 7), 7u);
    EXPECT_EQ(value(copy, 7), 1000u);
    EXPECT_EQ(value(copy, 8), 8u);
    EXPECT_EQ(copy.usage().alone_pages, 1u);
    EXPECT_EQ(store.usage().alone_pages, 1u);  // nobody else has the old page 7
    EXPECT_TRUE(store.find(7)->is_alone);
    EXPECT_FALSE(store.find(8)->is_alone);
    EXPECT_FALSE(copy.find(100)->is_alone);  // in a node of its own, which both have
  }
  EXPECT_EQ(store.usage().alone_pages, 200u);
  EXPECT_EQ(kernel.in_use(), frames);
  EXPECT_EQ(PageNode::count(), nodes);
}

TEST_F(VmoStoreTest, CopiesOfCopiesAreNoDeeper) {
  PageStore store(kernel.frames);
  for (std::uint64_t page = 0; page < 64; ++page) ASSERT_TRUE(put(store, page, 1));
  const std::uint64_t nodes = PageNode::count();
  for (unsigned depth = 0; depth < 1000; ++depth) {
    PageStore copy = store.share();
    ASSERT_TRUE(put(copy, depth % 64, depth));
    store = std::move(copy);  // the original ends
  }
  EXPECT_EQ(PageNode::count(), nodes);
  EXPECT_EQ(store.usage().alone_pages, 64u);
  EXPECT_EQ(kernel.in_use(), 64u);
}

TEST_F(VmoStoreTest, ClearingTakesWholeSubtreesAndCopiesOnlyEdges) {
  PageStore store(kernel.frames);
  for (std::uint64_t page = 0; page < 400; ++page) ASSERT_TRUE(put(store, page, page + 1));
  PageStore copy = store.share();
  const std::uint64_t nodes = PageNode::count();
  ASSERT_TRUE(clear(copy, 40, 333));
  EXPECT_EQ(PageNode::count(), nodes + 3);  // the root, and the nodes at either end
  for (std::uint64_t page = 0; page < 400; ++page) {
    EXPECT_EQ(value(store, page), page + 1);
    EXPECT_EQ(value(copy, page), page >= 40 && page < 333 ? 0 : page + 1);
  }
  // Without copies nothing needs to be taken first.
  copy = PageStore(kernel.frames);
  const test::FailingNew failing(0);
  EXPECT_TRUE(clear(store, 1, 399));
  EXPECT_EQ(store.usage().pages, 2u);
}

TEST_F(VmoStoreTest, ARefusalChangesNothing) {
  PageStore store(kernel.frames);
  for (std::uint64_t page = 0; page < 100; ++page) ASSERT_TRUE(put(store, page, page + 1));
  PageStore copy = store.share();
  const PageStoreUsage before = copy.usage();
  const std::uint64_t nodes = PageNode::count();
  for (unsigned left = 0; left < 2; ++left) {
    const test::FailingNew failing(left);
    EXPECT_FALSE(put(copy, 50, 7));
    EXPECT_FALSE(clear(copy, 10, 60));
    EXPECT_EQ(copy.usage(), before);
    EXPECT_EQ(PageNode::count(), nodes);
  }
  const test::FailingNew failing(4);
  EXPECT_FALSE(put(store, std::uint64_t{1} << 22, 1));
  EXPECT_EQ(PageNode::count(), nodes);
}

TEST_F(VmoStoreTest, NodesAreTakenWhileGuestsMayHaveFrames) {
  PageStore store(kernel.frames);
  kernel.frames.reserve_for_kernel(kernel.frames.available_frames());
  PageStore::Reserve reserve;
  EXPECT_FALSE(store.reserve_put(0, reserve));
  kernel.frames.reserve_for_kernel(0);
  EXPECT_TRUE(store.reserve_put(0, reserve));
}

TEST_F(VmoStoreTest, IsAMapOfPagesWhateverIsShared) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<PageStore> stores;
  std::vector<Model> models(1);
  stores.emplace_back(kernel.frames);
  const auto any_page = [&] {
    constexpr std::uint64_t kBases[]{0, 30, 1020, 32 * 1024 - 4, std::uint64_t{1} << 30};
    return kBases[random() % 5] + random() % 40;
  };
  for (unsigned step = 1; step < 20000; ++step) {
    const std::size_t at = random() % stores.size();
    const unsigned kind = random() % 16;
    if (kind < 8) {
      const std::uint64_t page = any_page();
      if (put(stores[at], page, step)) models[at][page] = step;
    } else if (kind < 11) {
      std::uint64_t first = any_page();
      std::uint64_t end = any_page() + 1;
      if (first >= end) std::swap(first, end);
      if (first == end) ++end;
      const test::FailingNew failing(random() % 8);
      if (clear(stores[at], first, end)) {
        models[at].erase(models[at].lower_bound(first), models[at].lower_bound(end));
      }
    } else if (kind < 13 && stores.size() < 12) {
      stores.push_back(stores[at].share());
      models.push_back(Model(models[at]));
    } else if (kind == 13 && stores.size() > 1) {
      std::swap(stores[at], stores.back());
      std::swap(models[at], models.back());
      stores.pop_back();
      models.pop_back();
      continue;
    }
    const std::uint64_t page = any_page();
    const auto expected = models[at].find(page);
    ASSERT_EQ(value(stores[at], page), expected == models[at].end() ? 0 : expected->second);
    if (step % 64 != 0) continue;
    std::uint64_t alone = 0;
    std::uint64_t most_nodes = 0;
    for (std::size_t i = 0; i < stores.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(expect_same_pages(stores[i], models[i]));
      alone += stores[i].usage().alone_pages;
      most_nodes += stores[i].usage().node_bytes;
    }
    ASSERT_LE(alone, kernel.in_use());
    ASSERT_LE((PageNode::count() - nodes_before) * sizeof(PageNode), most_nodes);
  }
}

}  // namespace
}  // namespace quoll::vm
