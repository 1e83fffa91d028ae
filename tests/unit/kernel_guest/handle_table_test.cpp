// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include <quoll/kernel/guest/handle_table.hpp>

namespace quoll::guest {
namespace {

OpenObject file(std::uint32_t node) {
  return OpenObject::of_node(archive::NodeKind::kFile, archive::NodeId(node));
}

TEST(HandleTable, GivesTheLowestFreeNumber) {
  HandleTable table;
  EXPECT_EQ(*table.open(file(1)), 1u);
  EXPECT_EQ(*table.open(file(2)), 2u);
  EXPECT_EQ(*table.open(file(3)), 3u);
  EXPECT_TRUE(table.close(2).has_value());
  EXPECT_EQ(*table.open(file(4)), 2u);
  EXPECT_EQ(table.find(2)->node.value(), 4u);
  EXPECT_EQ(table.count(), 3u);
}

TEST(HandleTable, RefusesNumbersThatAreNotOpen) {
  HandleTable table;
  ASSERT_TRUE(table.open(file(1)).has_value());
  for (const std::uint64_t handle :
       {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{256}, std::uint64_t{257},
        std::uint64_t{1} << 32 | 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(table.find(handle).error(), abi::Error::kBadHandle) << handle;
    EXPECT_EQ(table.close(handle).error(), abi::Error::kBadHandle) << handle;
  }
  ASSERT_TRUE(table.close(1).has_value());
  EXPECT_EQ(table.close(1).error(), abi::Error::kBadHandle);
  EXPECT_EQ(table.count(), 0u);
}

TEST(HandleTable, ChecksKindBeforeRight) {
  HandleTable table;
  ASSERT_TRUE(table.open(file(1)).has_value());
  EXPECT_EQ(table.find(1, abi::ObjectKind::kStream, abi::rights::kWrite).error(),
            abi::Error::kBadHandle);
  EXPECT_EQ(table.find(1, abi::ObjectKind::kFile, abi::rights::kWrite).error(),
            abi::Error::kDenied);
  EXPECT_TRUE(table.find(1, abi::ObjectKind::kFile, abi::rights::kRead).has_value());
}

TEST(HandleTable, IsFullAtItsLimit) {
  HandleTable table;
  for (std::uint32_t i = 1; i <= abi::kMaxHandles; ++i) EXPECT_EQ(*table.open(file(i)), i);
  EXPECT_EQ(table.open(file(0)).error(), abi::Error::kNoHandles);
  ASSERT_TRUE(table.close(100).has_value());
  EXPECT_EQ(*table.open(file(0)), 100u);
}

}  // namespace
}  // namespace quoll::guest
