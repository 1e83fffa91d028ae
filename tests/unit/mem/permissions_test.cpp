// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>

#include <quoll/mem/permissions.hpp>

namespace quoll::mem {
namespace {

TEST(Permissions, NeverWriteAndExecute) {
  for (std::uint32_t bits = 0; bits < 1024; ++bits) {
    const auto permissions = Permissions::from_access_bits(bits);
    const bool asks_for_both = (bits & 2) != 0 && (bits & 4) != 0;
    EXPECT_EQ(permissions.has_value(), bits < 8 && !asks_for_both) << bits;
    if (!permissions) continue;
    for (const Permissions p : {*permissions, permissions->for_user(), permissions->for_kernel(),
                                permissions->without_write()}) {
      EXPECT_FALSE(p.can_write() && p.can_execute());
      EXPECT_TRUE(p.is_none() || p.can_read());
    }
  }
}

TEST(Permissions, IncludeWhatTheyAllow) {
  EXPECT_TRUE(Permissions::read_write().includes(Permissions::read_only()));
  EXPECT_FALSE(Permissions::read_only().includes(Permissions::read_write()));
  EXPECT_FALSE(Permissions::read_write().includes(Permissions::read_execute()));
  EXPECT_FALSE(Permissions::read_only().includes(Permissions::read_only().for_user()));
  EXPECT_TRUE(Permissions::none().is_none());
  EXPECT_TRUE(Permissions::none().for_user().is_none());
  EXPECT_EQ(Permissions::read_write().without_write(), Permissions::read_only());
}

}  // namespace
}  // namespace quoll::mem
