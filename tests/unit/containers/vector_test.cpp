// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <bit>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <utility>

#include <quoll/containers/vector.hpp>

namespace quoll::containers {
namespace {

TEST(Vector, PushesPopsAndIndexes) {
  Vector<int> v;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(v.try_push_back(i));
  EXPECT_EQ(v.size(), 1000u);
  EXPECT_EQ(v[999], 999);
  v.pop_back();
  EXPECT_EQ(v.back(), 998);
}

TEST(Vector, AppendsItsOwnElementWhileGrowing) {
  Vector<std::uint64_t> v;
  ASSERT_TRUE(v.try_push_back(7));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(v.try_push_back(v[0]));
  for (std::uint64_t x : v) EXPECT_EQ(x, 7u);
}

TEST(Vector, RefusesWhatCannotBeAllocated) {
  Vector<std::uint64_t> v;
  ASSERT_TRUE(v.try_push_back(1));
  EXPECT_FALSE(v.try_reserve(SIZE_MAX));
  EXPECT_FALSE(v.try_resize(SIZE_MAX / 4));
  EXPECT_EQ(v.size(), 1u);
  EXPECT_EQ(v[0], 1u);
}

TEST(Vector, MovesMoveOnlyElements) {
  Vector<std::unique_ptr<int>> v;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(v.try_push_back(std::make_unique<int>(i)));
  Vector<std::unique_ptr<int>> w = std::move(v);
  EXPECT_TRUE(v.empty());  // NOLINT(bugprone-use-after-move): a moved-from vector is empty
  EXPECT_EQ(*w[19], 19);
  w.truncate(3);
  EXPECT_EQ(w.size(), 3u);
}

TEST(Vector, ResizeValueInitialisesAndShrinks) {
  Vector<int> v;
  ASSERT_TRUE(v.try_resize(50));
  EXPECT_EQ(v[49], 0);
  ASSERT_TRUE(v.try_resize(2));
  v.shrink_to_fit();
  EXPECT_EQ(v.capacity(), 2u);
  const int more[] = {1, 2, 3};
  ASSERT_TRUE(v.try_append(more));
  EXPECT_EQ(v.size(), 5u);
  EXPECT_EQ(v[4], 3);
}

TEST(Vector, HonoursLargeAlignment) {
  struct alignas(64) Line {
    char c = 'x';
  };
  Vector<Line> v;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(v.try_emplace_back());
  EXPECT_EQ(std::bit_cast<std::uintptr_t>(v.data()) % 64, 0u);
}

}  // namespace
}  // namespace quoll::containers
